"""Sections with counts to checkpoints, and what these are worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_stem.api.arguments import (
    CacheLike,
    CheckpointLike,
    SectionLike,
    as_checkpoint,
    as_compute,
    as_section,
    as_sections,
    wrong,
)
from napari_stem.api.progress import OnEvent, run
from napari_stem.checkpoints.recipe import Recipe
from napari_stem.defaults import N_DRAWS, SAMPLER, Keep
from napari_stem.evaluation import evaluate as evaluation
from napari_stem.prediction.options import PredictOptions
from napari_stem.sections.paired_data import iter_paired_data
from napari_stem.training import train as training

if TYPE_CHECKING:
    from napari_stem.evaluation.evaluate import Evaluation
    from napari_stem.events import Events
    from napari_stem.training.train import TrainResult


def iter_train(
    sections: SectionLike | Sequence[SectionLike],
    recipe: Recipe,
    run_folder: str | Path,
    *,
    held_out: SectionLike | Sequence[SectionLike] = (),
    keep: Keep = "last",
    n_draws: int = N_DRAWS,
    cache: CacheLike = True,
    weights: Mapping[str, str | Path] | None = None,
    device: str = "auto",
) -> Events[TrainResult]:
    """Train on sections with counts, event by event; see `train`."""
    if not isinstance(recipe, Recipe):
        raise wrong("recipe", recipe, "a recipe, which make_recipe makes")
    return (
        yield from training.iter_train(
            as_sections(sections),
            recipe,
            Path(run_folder),
            held_out=as_sections(held_out, "held_out"),
            options=PredictOptions(n_draws=n_draws, seed=recipe.fit.seed),
            compute=as_compute(cache=cache, weights=weights, device=device),
            keep=keep,
        )
    )


def train(
    sections: SectionLike | Sequence[SectionLike],
    recipe: Recipe,
    run_folder: str | Path,
    *,
    progress: bool | None = None,
    on_event: OnEvent = None,
    **options: Any,
) -> TrainResult:
    """."""
    events = iter_train(sections, recipe, run_folder, **options)
    return run(events, progress=progress, on_event=on_event)


def iter_evaluate(
    checkpoint: CheckpointLike,
    section: SectionLike,
    training_sections: SectionLike | Sequence[SectionLike],
    *,
    n_draws: int = N_DRAWS,
    sampler: str = SAMPLER,
    steps: int | None = None,
    seed: int = 0,
    cache: CacheLike = True,
    weights: Mapping[str, str | Path] | None = None,
    device: str = "auto",
) -> Events[Evaluation]:
    """Compare a checkpoint with baselines on a held-out section, event by event; see `evaluate`."""
    model, tested = as_checkpoint(checkpoint), as_section(section)
    options = PredictOptions(n_draws=n_draws, sampler=sampler, steps=steps, seed=seed)
    compute = as_compute(cache=cache, weights=weights, device=device)
    known = yield from iter_paired_data(
        as_sections(training_sections, "training_sections"), model.recipe, compute
    )
    return (yield from evaluation.iter_evaluate(model, tested, known, options, compute))


def evaluate(
    checkpoint: CheckpointLike,
    section: SectionLike,
    training_sections: SectionLike | Sequence[SectionLike],
    *,
    progress: bool | None = None,
    on_event: OnEvent = None,
    **options: Any,
) -> Evaluation:
    """."""
    events = iter_evaluate(checkpoint, section, training_sections, **options)
    return run(events, progress=progress, on_event=on_event)
