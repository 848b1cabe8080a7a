"""Evaluation of a checkpoint on held-out sections, with baselines fitted to the same spots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from napari_stem.aside import iter_aside
from napari_stem.errors import CountsError, PanelError
from napari_stem.evaluation.baselines import BASELINES, baseline_draws
from napari_stem.evaluation.ceiling import detection_rate, noise_ceiling
from napari_stem.evaluation.comparison import MODEL, Comparison
from napari_stem.evaluation.drawn import StoredDraws
from napari_stem.evaluation.scoring import Judge, Judged
from napari_stem.evaluation.structure import gene_correlations
from napari_stem.events import Check, Events, Progress
from napari_stem.features.compute import Compute
from napari_stem.genes.counts import counted_spots, transform_counts
from napari_stem.genes.panels import genes_of_all
from napari_stem.prediction.options import PredictOptions
from napari_stem.prediction.predict import iter_draws, iter_summarise
from napari_stem.sections.paired_data import PairedData, check_training
from napari_stem.spots.table import positions
from napari_stem.text import a_few

if TYPE_CHECKING:
    import numpy as np
    from anndata import AnnData
    from numpy.typing import NDArray

    from napari_stem.checkpoints.checkpoint import Checkpoint
    from napari_stem.evaluation.metrics import Scores
    from napari_stem.sections.section import Section

_MOST_TRAINING = 20_000  # spots from which baselines learn, evenly chosen
_STRUCTURED = "k-NN joint"  # the baseline whose gene-gene structure is kept


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """What a checkpoint is worth on a section, beside baselines.

    Attributes
    ----------
    comparison
        Metrics of the model and of the baselines, their intervals, and those of each gene.
    prediction
        The model's prediction of the spots that counted any of these genes; `layers["truth"]`
        are the measured values.
    gene_structure
        (c, c) correlations of genes over spots: of measured values, and of one draw of the model
        and of a baseline.
    missing_genes
        Genes of the panel that a section did not measure; no metric knows them.
    seen
        Why the section is not held out, as display text; "" where it is, as far as is known.
    """

    section: str
    comparison: Comparison
    prediction: AnnData
    gene_structure: Mapping[str, NDArray[np.float32]]
    missing_genes: tuple[str, ...] = ()
    seen: str = ""

    @property
    def scores(self) -> Mapping[str, Scores]:
        """Metrics by method."""
        return self.comparison.scores

    @property
    def gene_pcc(self) -> Mapping[str, float]:
        """The model's correlation of each gene that was compared and varies among the spots."""
        return self.comparison.gene_pcc

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
    training = training.some(_MOST_TRAINING)
    genes, transform = training.genes, checkpoint.recipe.transform
    tested = yield from iter_tested(checkpoint, section, genes, options, compute)
    with closing(tested):
        methods, structure = yield from _iter_judge(tested, training, section.name)
    comparison = Comparison(
        genes,
        methods,
        noise_ceiling(tested.spots, genes, transform, where=section.name),
        detection_rate(tested.spots, genes, section.name),
        len(tested.truth),
    )
    return Evaluation(section.name, comparison, tested.prediction, structure, tested.missing_genes)


def _iter_judge(
    tested: Tested, training: PairedData, name: str
) -> Events[tuple[dict[str, Judged], dict[str, NDArray[np.float32]]]]:
    """What the model and each baseline is worth, and structures as of an `Evaluation`."""
    methods, structure = dict[str, Judged](), {"measured": gene_correlations(tested.truth)}

    def judge_all(check: Check) -> bool:
        judge = Judge(tested.truth, positions(tested.spots), check=check)
        baselines = baseline_draws(training, tested.embeddings, check=check)
        for method, draws in chain([(MODEL, tested.draws)], baselines):
            methods[method] = judge.judge(draws)
            if method in (MODEL, _STRUCTURED):
                structure[method] = gene_correlations(draws.draw(0))
        return True

    def progress() -> Progress:
        return Progress(len(methods), len(BASELINES) + 1, "score", name)

    yield from iter_aside(judge_all, progress)
    yield progress()
    return methods, structure


@dataclass(frozen=True, slots=True, eq=False)
class Tested:
    """What a checkpoint draws for spots that counted genes, beside what they counted.

    Attributes
    ----------
    spots
        With their counts.
    prediction
        Of these spots and genes, with `layers["truth"]`.
    draws
        In a store that is open until `close`.
    truth
        (n, c), in the unit of the draws.
    embeddings
        (n, d) of the patches.
    missing_genes
        Genes of the panel that are not compared.
    """

    spots: AnnData
    prediction: AnnData
    draws: StoredDraws
    truth: NDArray[np.float32]
    embeddings: NDArray[np.float32]
    missing_genes: tuple[str, ...]

    def scores(self) -> Scores:
        """All metrics of the draws, without intervals."""
        judge = Judge(self.truth, positions(self.spots), samples=0)
        return judge.judge(self.draws).scores

    def close(self) -> None:
        """Close the store of the draws."""
        self.draws.store.close()


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
    try:
        prediction = yield from iter_summarise(drawn, section.slide, spots, checkpoint, options)
    except BaseException:
        drawn.store.close()
        raise
    draws = StoredDraws(drawn.store, options.n_draws, [recipe.panel.index(gene) for gene in genes])
    missing = tuple(gene for gene in recipe.panel if gene not in genes)
    if missing:
        prediction = prediction[:, list(genes)].copy()
        prediction.layers["truth"] = truth
    return Tested(spots, prediction, draws, truth, drawn.embeddings, missing)


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
