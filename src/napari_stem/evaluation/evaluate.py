"""Evaluation of a checkpoint on held-out sections, with baselines fitted to the same spots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_stem.evaluation.baselines import nearest, ridge
from napari_stem.evaluation.metrics import Scores, pcc, score
from napari_stem.events import Events
from napari_stem.features.compute import Compute
from napari_stem.genes.counts import counted_spots, transform_counts
from napari_stem.prediction.options import PredictOptions
from napari_stem.prediction.predict import iter_draws, summarise

if TYPE_CHECKING:
    from anndata import AnnData
    from numpy.typing import NDArray

    from napari_stem.checkpoints.checkpoint import Checkpoint
    from napari_stem.sections.paired_data import PairedData
    from napari_stem.sections.section import Section

MODEL, RIDGE, NEAREST = "Stem", "ridge", "50-NN"


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """Metrics of one held-out section.

    Attributes
    ----------
    scores
        Metrics by method: the model, ridge regression, 50 nearest training spots (50-NN).
    gene_pcc
        (c,) correlation of each gene of the panel.
    prediction
        The model's prediction of the spots that counted any gene of the panel; `layers["truth"]`
        are the measured values.
    """

    section: str
    scores: Mapping[str, Scores]
    gene_pcc: Mapping[str, float]
    prediction: AnnData

    def __repr__(self) -> str:
        found = ", ".join(
            f"{method} {scores['pcc_50']:.3f}" for method, scores in self.scores.items()
        )
        return f"<Evaluation on '{self.section}': PCC-50 {found}>"


def iter_evaluate(
    checkpoint: Checkpoint,
    section: Section,
    training: PairedData,
    options: PredictOptions | None = None,
    compute: Compute | None = None,
) -> Events[Evaluation]:
    """Predict a section that measured its counts and compare.

    Raises
    ------
    SpotsError, CountsError, PanelError
        The section holds no counts, or not of all genes of the panel.
    """
    options = options or PredictOptions()
    recipe = checkpoint.recipe
    spots = counted_spots(section.spots, recipe.panel, section.name)
    truth = transform_counts(spots, recipe.panel, recipe.transform, where=section.name)
    drawn = yield from iter_draws(section.slide, spots, checkpoint, options, compute or Compute())
    with closing(drawn.store):
        prediction = summarise(drawn, section.slide, spots, checkpoint, options)
        draws = drawn.store.read(n_draws=options.n_draws)
    scores = {MODEL: score(draws, truth), **score_baselines(training, drawn.embeddings, truth)}
    by_gene = pcc(prediction.X, truth)
    return Evaluation(
        section=section.name,
        scores=scores,
        gene_pcc=dict(zip(recipe.panel, map(float, by_gene), strict=True)),
        prediction=prediction,
    )


def score_baselines(
    training: PairedData, embeddings: NDArray[np.float32], truth: NDArray[np.float32]
) -> dict[str, Scores]:
    """Scores of ridge regression and of retrieval for spots (n, d) with their truth (n, c)."""
    known = training.original, training.values, embeddings
    return {RIDGE: score(ridge(*known), truth), NEAREST: score(nearest(*known), truth)}


def averaged(evaluations: Sequence[Evaluation]) -> tuple[dict[str, Scores], dict[str, float]]:
    """Scores by method and correlation by gene, the mean over sections weighted by their spots."""
    spots = np.array([evaluation.prediction.n_obs for evaluation in evaluations])
    weights = spots / spots.sum()

    def mean(values: Sequence[float]) -> float:
        return float(np.average(values, weights=weights))

    first = evaluations[0]
    scores: dict[str, Scores] = {
        method: {name: mean([e.scores[method][name] for e in evaluations]) for name in scores}
        for method, scores in first.scores.items()
    }
    return scores, {gene: mean([e.gene_pcc[gene] for e in evaluations]) for gene in first.gene_pcc}
