"""Training of checkpoints on sections with counts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

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
from napari_stem.defaults import Keep
from napari_stem.events import Events
from napari_stem.features.compute import Compute
from napari_stem.prediction.options import PredictOptions
from napari_stem.reports.training_report import write_training_report
from napari_stem.sections.opened import Opened, SectionsLike
from napari_stem.training.distill import student_recipe
from napari_stem.training.run_folder import REPORT
from napari_stem.training.train import TrainResult
from napari_stem.training.train import iter_train as iter_training


@verb(options=PredictOptions, compute=Compute)
def train(
    sections: SectionsLike,
    recipe: Recipe,
    run_folder: str | Path,
    *,
    options: PredictOptions,
    compute: Compute,
    held_out: SectionsLike = (),
    keep: Keep = "last",
    recalibrate: bool = False,
    cache: CacheLike = True,
    weights: Weights = None,
) -> Events[TrainResult]:
    """Train a checkpoint on sections with counts.

    Parameters
    ----------
    sections
        Sections, or paths or names of them; a folder of sections stands for all of them.
    recipe
        What to learn and how; `make_recipe` makes one.
    run_folder
        Folder for the state and, at the end, the checkpoint and its report (report.html). The same
        call with the same folder resumes a stopped run.
    held_out
        Sections that training never sees, on which the checkpoint is evaluated.
    keep
        "last" keeps the weights of the last step; "best" those with the lowest loss on the
        held-out sections, which makes their metrics a little optimistic.
    recalibrate
        Let draws spread as far as intervals of 90 % need to hold on the held-out sections, whose
        coverage is then a little optimistic.
    {options}
    cache, weights, progress, on_event
        As in `predict`. Draws are those of the evaluation.

    Returns
    -------
    The checkpoint, its path, and the evaluation of each held-out section.

    Raises
    ------
    StemError
        A section, the panel or the recipe cannot be used; nothing was written then.

    Examples
    --------
    >>> result = stem.train(sections[0], recipe, folder, held_out=sections[1], n_draws=4)
    >>> sorted(result.evaluation.scores)
    ['Stem', 'k-NN', 'k-NN joint', 'mean', 'ridge', 'ridge joint', 'ridge local']
    """
    return (
        yield from _iter_opened(
            sections,
            checked_recipe(recipe),
            Path(run_folder),
            held_out,
            options=options,
            compute=with_files(compute, cache, weights),
            keep=keep,
            recalibrate=recalibrate,
        )
    )


@verb(options=PredictOptions, compute=Compute)
def distill(
    checkpoint: CheckpointLike,
    sections: SectionsLike,
    run_folder: str | Path,
    *,
    options: PredictOptions,
    compute: Compute,
    evaluations: int = 2,
    fit: Mapping[str, Any] | None = None,
    held_out: SectionsLike = (),
    keep: Keep = "last",
    recalibrate: bool = False,
    cache: CacheLike = True,
    weights: Weights = None,
) -> Events[TrainResult]:
    """Train a network that draws like that of a checkpoint, with few evaluations.

    Parameters
    ----------
    checkpoint
        What `train` made, or its path. Its network must predict velocity, as that of the preset
        "small" does.
    sections
        Sections with counts, or paths or names of them; best those that the checkpoint learned
        from. They supply tissue: what is learned is how the checkpoint draws.
    run_folder, held_out, keep, recalibrate
        As in `train`.
    evaluations
        Of the network for a draw.
    fit
        Training settings that replace those of a distillation, by their names in `FitConfig`.
    {options}
    cache, weights, progress, on_event
        As in `predict`. Draws are those of the evaluation.

    Returns
    -------
    The checkpoint, which always draws with so many evaluations, its path, and the evaluation of
    each held-out section.

    Raises
    ------
    StemError
        The checkpoint predicts noise or is distilled already, it learned a held-out section, or a
        section cannot be used.

    Examples
    --------
    >>> fit = {"steps": 4}
    >>> quick = stem.distill(checkpoint, sections[:2], folder / "quick", evaluations=1, fit=fit)
    >>> quick.checkpoint.recipe.diffusion.evaluations
    1
    """
    teacher = as_checkpoint(checkpoint)
    return (
        yield from _iter_opened(
            sections,
            student_recipe(teacher.recipe, evaluations, fit),
            Path(run_folder),
            held_out,
            options=options,
            compute=with_files(compute, cache, weights),
            keep=keep,
            recalibrate=recalibrate,
            teacher=teacher,
        )
    )


def _iter_opened(
    sections: SectionsLike,
    recipe: Recipe,
    run_folder: Path,
    held_out: SectionsLike,
    **settings: Any,
) -> Events[TrainResult]:
    """Train on sections that are opened for as long as it takes."""
    with Opened() as opened:
        known, tested = opened.sections(sections), opened.sections(held_out, "held_out")
        work = iter_training(known, recipe, run_folder, held_out=tested, **settings)
        return (yield from iter_reported(work, run_folder))


def iter_reported(work: Events[TrainResult], run_folder: Path) -> Events[TrainResult]:
    """The same training, of which the run folder gets a report."""
    result = yield from work
    page, name = run_folder / REPORT, run_folder.resolve().name
    write_training_report(result.checkpoint, result.evaluations, page, name=name)
    return result


iter_train, iter_distill = train.events, distill.events
