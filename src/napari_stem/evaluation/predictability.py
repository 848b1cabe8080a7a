"""How predictable each gene is before training: ridge regression on what is left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from napari_stem.analysis.correlation import correlations
from napari_stem.checkpoints.gene_trust import CLASSES, held_out_table
from napari_stem.evaluation.baselines import Tuned
from napari_stem.evaluation.ceiling import detection_rate, noise_ceiling
from napari_stem.evaluation.folds import folds
from napari_stem.events import Events, Progress
from napari_stem.genes.counts import counted_spots
from napari_stem.sections.paired_data import PairedData, check_training, iter_paired_data
from napari_stem.text import a_few, counted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_stem.checkpoints.recipe import Recipe
    from napari_stem.features.compute import Compute
    from napari_stem.sections.section import Section

    Float = NDArray[np.float64]

_MOST_SPOTS = 4000  # from which the regression learns
_NAMED = 8


def iter_predictability(
    sections: Sequence[Section], recipe: Recipe, compute: Compute
) -> Events[pd.DataFrame]:
    """Estimate how well the image tells each gene of a panel.

    Tuned ridge regression on the embeddings predicts each section from the others, or each strip
    of a single section from its other strips.

    Returns
    -------
    A row a gene, the most predictable first: "pcc", "ceiling", "detection_rate", and the class of
    trust that a model would have that is no better than the regression ("trust").

    Raises
    ------
    StemError
        A section holds no counts, lacks one of the genes, or cannot be embedded.
    """
    known = yield from iter_paired_data(sections, recipe, compute)
    check_training(known)
    yield Progress(0, 0, "estimate", counted(len(recipe.panel), "gene"))
    pcc, gain = _regression(known.some(_MOST_SPOTS))
    limits = np.zeros((2, len(recipe.panel)))
    for section in sections:
        spots = counted_spots(section.spots, recipe.panel, section.name)
        ceiling = noise_ceiling(spots, recipe.panel, recipe.transform, where=section.name)
        rate = detection_rate(spots, recipe.panel, section.name)
        limits += spots.n_obs / len(known.values) * np.array([ceiling, rate])
    ceiling, rate = limits
    table = held_out_table(
        recipe.panel, pcc=pcc, ceiling=ceiling, baseline=pcc, gain=gain, coverage=pcc * np.nan
    )
    found = {"pcc": pcc, "ceiling": ceiling, "detection_rate": rate, "trust": table["trust"]}
    return pd.DataFrame(found, index=table.index).sort_values("pcc", ascending=False)


def predictability_in_words(table: pd.DataFrame) -> list[str]:
    """Lines that say how many genes are in each class, and name some, the most trusted first."""
    lines = []
    for trust in reversed(CLASSES):
        genes = list(table.index[table["trust"] == trust])
        if genes:
            lines.append(f"{trust}: {counted(len(genes), 'gene')} ({a_few(genes, most=_NAMED)})")
    return lines


def _regression(known: PairedData) -> tuple[Float, Float]:
    """Correlation (c,) within sections, and by which share the squared error is below the mean's.

    Both are of spots that were left out.
    """
    residuals = Tuned(known, known.original[:0]).residuals
    found, groups = known.values - residuals, folds(known)
    away = np.empty_like(residuals)
    for group in np.unique(groups):
        left = groups == group
        away[left] = known.values[left] - known.values[~left].mean(axis=0)
    usual = (away.astype(np.float64) ** 2).mean(axis=0)
    error = (residuals.astype(np.float64) ** 2).mean(axis=0)
    pcc = np.zeros(known.values.shape[1])
    for section in np.unique(known.section):
        rows = known.section == section
        pcc += rows.mean() * correlations(found[rows].T, known.values[rows].T)
    varies = usual > 0
    return np.where(varies, pcc, np.nan), 1 - error / np.where(varies, usual, np.nan)
