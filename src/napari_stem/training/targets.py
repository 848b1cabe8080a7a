"""What the network learns to draw: the values of genes, or the factors behind their counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_stem.genes.counts import counted_spots, depths, panel_counts
from napari_stem.model.readout import Counts, Scaled, as_they_are
from napari_stem.training.examples import Examples
from napari_stem.training.fit_counts import CountedSpots, iter_factors, iter_fit_counts

if TYPE_CHECKING:
    from pathlib import Path

    from napari_stem.checkpoints.recipe import Recipe
    from napari_stem.events import Events
    from napari_stem.features.condition import Condition
    from napari_stem.model.readout import Readout
    from napari_stem.sections.paired_data import PairedData
    from napari_stem.sections.section import Section


def iter_readout(
    recipe: Recipe,
    condition: Condition,
    known: PairedData,
    sections: Sequence[Section],
    scratch: Path | None = None,
) -> Events[Readout]:
    """What the numbers of a network will mean, learned from the training spots of sections."""
    if recipe.factors is None:
        return as_they_are(len(known.genes))
    counted = _counted(recipe, condition, known, sections, scratch)
    noise = torch.from_numpy(condition.noise)
    depth = 1e4 * float(counted.log_depth.median().exp()) if _per_depth(recipe) else 0.0
    return (yield from iter_fit_counts(counted, recipe.factors, noise, depth, recipe.fit.seed))


def iter_examples(
    recipe: Recipe,
    condition: Condition,
    readout: Readout,
    spots: PairedData,
    sections: Sequence[Section],
    scratch: Path | None = None,
) -> Events[Examples]:
    """Numbers and conditions of the counted spots of sections, for training or validation.

    Conditions that are larger than memory lie in a file in the folder `scratch`.
    """
    conditions = torch.from_numpy(condition.transform(spots.embeddings, scratch))
    noise = torch.from_numpy(condition.noise)
    if isinstance(readout, Scaled):
        return Examples(readout.numbers(torch.from_numpy(spots.values)), conditions, noise)
    assert isinstance(readout, Counts)
    counted = _counted(recipe, condition, spots, sections, scratch)
    factors = yield from iter_factors(readout, counted, recipe.fit.seed)
    return Examples(factors.mean, conditions, noise, factors.spread)


def _counted(
    recipe: Recipe,
    condition: Condition,
    spots: PairedData,
    sections: Sequence[Section],
    scratch: Path | None,
) -> CountedSpots:
    tables = [counted_spots(section.spots, spots.genes, section.name) for section in sections]
    counts = np.concatenate([panel_counts(t, spots.genes, "training") for t in tables])
    logs = np.zeros(len(counts))
    if _per_depth(recipe):
        logs = np.log(np.maximum(np.concatenate([depths(t) for t in tables]), 1) / 1e4)
    known = counts, logs[:, None], condition.transform(spots.original, scratch)
    return CountedSpots(*(torch.from_numpy(each.astype(np.float32, copy=False)) for each in known))


def _per_depth(recipe: Recipe) -> bool:
    """Whether values are shares of a spot's counts, so that counts follow from a depth."""
    return recipe.transform == "log1p_cp10k"
