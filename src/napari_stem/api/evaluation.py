"""How well genes are predicted: before training, by a checkpoint, and by folds of sections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from napari_stem.api.models import (
    CacheLike,
    CheckpointLike,
    Weights,
    as_checkpoint,
    checked_recipe,
    with_files,
)
from napari_stem.api.verbs import verb
from napari_stem.checkpoints.recipe import Recipe
from napari_stem.evaluation.evaluate import Evaluation, shared_genes
from napari_stem.evaluation.evaluate import iter_evaluate as iter_comparison
from napari_stem.evaluation.predictability import iter_predictability
from napari_stem.evaluation.seen import why_seen
from napari_stem.events import Events
from napari_stem.features.compute import Compute
from napari_stem.prediction.options import PredictOptions
from napari_stem.sections.opened import Opened, SectionLike, SectionsLike
from napari_stem.sections.paired_data import iter_paired_data
from napari_stem.training.cross_validation import RecipeMaker
from napari_stem.training.cross_validation import iter_cross_validate as iter_folds


@verb(compute=Compute)
def estimate(
    sections: SectionsLike,
    recipe: Recipe,
    *,
    compute: Compute,
    cache: CacheLike = True,
    weights: Weights = None,
) -> Events[pd.DataFrame]:
    """Estimate, without training, how well the image tells each gene of a recipe's panel.

    Ridge regression on the embeddings predicts each section from the others, or strips of a
    single section from its other strips.

    Parameters
    ----------
    sections
        Sections with counts, or paths or names of them.
    recipe
        Its panel, encoders and transform are used.
    {options}
    cache, weights, progress, on_event
        As in `predict`.

    Returns
    -------
    A row a gene, the most predictable first: "pcc", the noise "ceiling", the "detection_rate",
    and "trust", the class that a model would have that is no better than the regression.

    Raises
    ------
    StemError
        A section holds no counts, lacks one of the genes, or cannot be embedded.

    Examples
    --------
    >>> list(stem.estimate(sections, recipe).columns)
    ['pcc', 'ceiling', 'detection_rate', 'trust']
    """
    with Opened() as opened:
        return (
            yield from iter_predictability(
                opened.sections(sections),
                checked_recipe(recipe),
                with_files(compute, cache, weights),
            )
        )


@verb(options=PredictOptions, compute=Compute)
def evaluate(
    checkpoint: CheckpointLike,
    section: SectionLike,
    training_sections: SectionsLike,
    *,
    options: PredictOptions,
    compute: Compute,
    cache: CacheLike = True,
    weights: Weights = None,
) -> Events[Evaluation]:
    """Compare a checkpoint with regression and retrieval on a held-out section.

    Parameters
    ----------
    checkpoint
        What `train` made, or its path.
    section
        A section with counts that training never saw, or the path or name of one.
    training_sections
        The sections that the checkpoint learned from; the baselines learn from them, too.
    {options}
    cache, weights, progress, on_event
        As in `predict`.

    Returns
    -------
    `scores` of each method; `comparison` with bootstrap intervals, differences to each baseline
    and metrics of each gene; the prediction with `layers["truth"]`. Genes of the panel that a
    section did not measure are left out and named in `missing_genes`; `seen` tells why a section
    is not held out.

    Raises
    ------
    StemError
        A section holds no counts of any gene of the panel.

    Examples
    --------
    >>> evaluation = stem.evaluate(checkpoint, sections[1], sections[0], n_draws=4)
    >>> evaluation.scores["ridge"]["mae"] > 0
    True
    """
    model, work = as_checkpoint(checkpoint), with_files(compute, cache, weights)
    with Opened() as opened:
        tested = opened.section(section)
        seen = opened.sections(training_sections, "training_sections")
        genes = shared_genes(model.recipe.panel, [*seen, tested])
        known = yield from iter_paired_data(seen, model.recipe, work, genes=genes)
        evaluation = yield from iter_comparison(model, tested, known, options, work)
        return replace(evaluation, seen=why_seen(model, tested, seen))


@verb(options=PredictOptions, compute=Compute)
def cross_validate(
    sections: SectionsLike,
    recipe: Recipe | RecipeMaker,
    *,
    patients: Sequence[str] = (),
    options: PredictOptions,
    compute: Compute,
    cache: CacheLike = True,
    weights: Weights = None,
) -> Events[tuple[Evaluation, ...]]:
    """Leave each section or each patient out once: train on the others, evaluate on it.

    Sections of one patient resemble each other, so that the metrics are optimistic for another
    patient: name the patients where there are several.

    Parameters
    ----------
    sections
        At least two sections with counts, or paths or names of them.
    recipe
        What to learn and how; `make_recipe` makes one. Choose its panel without these sections,
        name its genes, or give a function that makes the recipe of each fold from the spot tables
        of its training and of its held-out sections.
    patients
        The patient of each section; the sections of a patient are left out together.
    {options}
    cache, weights, progress, on_event
        As in `predict`.

    Returns
    -------
    An evaluation of each section, in their order. `evaluation.comparison.pooled` makes one
    comparison of theirs.

    Raises
    ------
    StemError
        There are fewer than two sections or patients, or a section cannot be used.

    Examples
    --------
    >>> [fold.section for fold in stem.cross_validate(sections[:2], recipe, n_draws=4)]
    ['section-0', 'section-1']
    """
    maker = recipe if callable(recipe) else _always(checked_recipe(recipe))
    with Opened() as opened:
        return (
            yield from iter_folds(
                opened.sections(sections),
                maker,
                options,
                with_files(compute, cache, weights),
                patients=patients,
            )
        )


iter_estimate, iter_evaluate, iter_cross_validate = (
    estimate.events,
    evaluate.events,
    cross_validate.events,
)


def _always(recipe: Recipe) -> RecipeMaker:
    return lambda known, tested: recipe
