"""Evaluation of a checkpoint on held-out sections, with baselines fitted to the same spots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_stem.errors import CountsError, PanelError
from napari_stem.evaluation.baselines import nearest, ridge
from napari_stem.evaluation.metrics import Scores, pcc, score
from napari_stem.events import Events
from napari_stem.features.compute import Compute
from napari_stem.genes.counts import counted_spots, transform_counts
from napari_stem.genes.panels import genes_of_all
from napari_stem.prediction.options import PredictOptions
from napari_stem.prediction.predict import iter_draws, summarise
from napari_stem.sections.paired_data import PairedData, check_training
from napari_stem.text import a_few

if TYPE_CHECKING:
    from anndata import AnnData
    from numpy.typing import NDArray

    from napari_stem.checkpoints.checkpoint import Checkpoint
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
        Correlation of each gene that was compared and varies among the spots.
    prediction
        The model's prediction of the spots that counted any of these genes; `layers["truth"]`
        are the measured values.
    missing_genes
        Genes of the panel that a section did not measure; no metric knows them.
    seen
        Why the section is not held out, as display text; "" where it is, as far as is known.
    """

    section: str
    scores: Mapping[str, Scores]
    gene_pcc: Mapping[str, float]
    prediction: AnnData
    missing_genes: tuple[str, ...] = ()
    seen: str = ""

    def __repr__(self) -> str:
        found = ", ".join(
            f"{method} {scores['pcc_50']:.3f}" for method, scores in self.scores.items()
        )
        place = "training section " if self.seen else ""
        return f"<Evaluation on {place}'{self.section}': PCC-50 {found}>"


def iter_evaluate(
    checkpoint: Checkpoint,
    section: Section,
    training: PairedData,
    options: PredictOptions | None = None,
    compute: Compute | None = None,
) -> Events[Evaluation]:
    """Predict a section that measured its counts and compare, over the genes of `training`.

    Raises
    ------
    SpotsError, CountsError, PanelError
        The section holds no counts, or not of all these genes (`genes.panels.genes_of_all`).
    """
    check_training(training)
    genes = training.genes
    tested = yield from iter_tested(checkpoint, section, genes, options, compute)
    truth = tested.truth
    baselines = score_baselines(training, tested.embeddings, truth)
    by_gene = pcc(tested.prediction.X, truth)
    return Evaluation(
        section=section.name,
        scores={MODEL: tested.scores(), **baselines},
        gene_pcc={gene: float(by_gene[i]) for i, gene in enumerate(genes) if np.ptp(truth[:, i])},
        prediction=tested.prediction,
        missing_genes=tested.missing_genes,
    )


@dataclass(frozen=True, slots=True, eq=False)
class Tested:
    """What a checkpoint draws for spots that counted genes, beside what they counted.

    Attributes
    ----------
    prediction
        Of these spots and genes, with `layers["truth"]`.
    draws
        (K, n, c).
    truth
        (n, c), in the unit of the draws.
    embeddings
        (n, d) of the patches.
    missing_genes
        Genes of the panel that are not compared.
    """

    prediction: AnnData
    draws: NDArray[np.float32]
    truth: NDArray[np.float32]
    embeddings: NDArray[np.float32]
    missing_genes: tuple[str, ...]

    def scores(self) -> Scores:
        """All metrics of the draws."""
        return score(self.draws, self.truth)


def iter_tested(
    checkpoint: Checkpoint,
    section: Section,
    genes: Sequence[str],
    options: PredictOptions | None = None,
    compute: Compute | None = None,
) -> Events[Tested]:
    """Draw for the spots of a section that counted any of these genes.

    Raises
    ------
    SpotsError, CountsError, PanelError
        As `tested_spots`.
    """
    options, recipe = options or PredictOptions(), checkpoint.recipe
    spots = tested_spots(section, genes)
    truth = transform_counts(spots, genes, recipe.transform, where=section.name)
    drawn = yield from iter_draws(section.slide, spots, checkpoint, options, compute or Compute())
    with closing(drawn.store):
        prediction = summarise(drawn, section.slide, spots, checkpoint, options)
        draws = drawn.store.read(n_draws=options.n_draws)
    missing = tuple(gene for gene in recipe.panel if gene not in genes)
    if missing:
        prediction = prediction[:, list(genes)].copy()
        prediction.layers["truth"] = truth
        draws = draws[..., [recipe.panel.index(gene) for gene in genes]]
    return Tested(prediction, draws, truth, drawn.embeddings, missing)


def tested_spots(section: Section, genes: Sequence[str]) -> AnnData:
    """The spots of a section that counted any of these genes.

    Raises
    ------
    SpotsError, CountsError, PanelError
        As `counted_spots`; or there is only one, which correlates with nothing.
    """
    spots = counted_spots(section.spots, genes, section.name)
    if spots.n_obs < 2:
        raise CountsError(
            f"The section '{section.name}' has a single spot with counts of the panel; metrics "
            "compare at least two. Hold out more."
        )
    return spots


def shared_genes(panel: Sequence[str], sections: Sequence[Section]) -> tuple[str, ...]:
    """The genes of a panel that all sections measured.

    Raises
    ------
    PanelError
        There is none.
    """
    genes = genes_of_all(panel, [section.spots for section in sections])
    if not genes:
        names = a_few(dict.fromkeys(section.name for section in sections))
        raise PanelError(
            f"No gene of the checkpoint's panel was measured by all of these sections: {names}. "
            f"The panel has {a_few(panel, most=3)}."
        )
    return genes


def score_baselines(
    training: PairedData, embeddings: NDArray[np.float32], truth: NDArray[np.float32]
) -> dict[str, Scores]:
    """Scores of ridge regression and of retrieval for spots (n, d) with their truth (n, c)."""
    known = training.original, training.values, embeddings
    return {RIDGE: score(ridge(*known), truth), NEAREST: score(nearest(*known), truth)}


def averaged(evaluations: Sequence[Evaluation]) -> tuple[dict[str, Scores], dict[str, float]]:
    """Scores by method and correlation by gene, the mean over sections weighted by their spots.

    Of a gene, over the sections in which it varies.
    """

    def mean(values: Mapping[int, float]) -> float:
        spots = np.array([evaluations[number].prediction.n_obs for number in values])
        return float(np.average(list(values.values()), weights=spots / spots.sum()))

    scores: dict[str, Scores] = {
        method: {
            name: mean({i: e.scores[method][name] for i, e in enumerate(evaluations)})
            for name in first
        }
        for method, first in evaluations[0].scores.items()
    }
    genes = dict.fromkeys(gene for evaluation in evaluations for gene in evaluation.gene_pcc)
    known = list(enumerate(evaluation.gene_pcc for evaluation in evaluations))
    return scores, {
        gene: mean({i: found[gene] for i, found in known if gene in found}) for gene in genes
    }
