"""From paired sections to a checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from napari_stem.checkpoint import Checkpoint, save_checkpoint
from napari_stem.condition import Condition
from napari_stem.counts import panel_counts, transform_counts
from napari_stem.embedding import iter_embed
from napari_stem.errors import OptionError, TrainingError
from napari_stem.evaluation import Evaluation, Training, iter_evaluate
from napari_stem.events import Events, finish
from napari_stem.model.diffusion import Schedule
from napari_stem.model.fit import Examples, iter_fit
from napari_stem.model.network import StemNetwork
from napari_stem.patches import VIEWS
from napari_stem.prediction import PredictOptions
from napari_stem.recipe import Recipe
from napari_stem.section import Section

if TYPE_CHECKING:
    from numpy.typing import NDArray

STATE = "state.pt"
CHECKPOINT = "checkpoint.safetensors"


@dataclass(frozen=True, slots=True)
class TrainResult:
    """A finished run.

    Attributes
    ----------
    path
        Where the checkpoint lies.
    evaluation
        Figures of the held-out section, if there was one.
    """

    checkpoint: Checkpoint
    path: Path
    evaluation: Evaluation | None


def iter_train(
    sections: Sequence[Section],
    recipe: Recipe,
    run_folder: Path,
    *,
    held_out: Section | None = None,
    options: PredictOptions | None = None,
) -> Events[TrainResult]:
    """Train on sections with counts; evaluate on a held-out one; save the checkpoint.

    Parameters
    ----------
    run_folder
        Holds the unfinished run's state and, at the end, the checkpoint. The same call with the
        same folder goes on where a stopped one was.
    held_out
        A section that training never sees; its loss is reported while training runs.

    Raises
    ------
    StemError
        A section, the panel or the recipe cannot be used; nothing was written then.
    """
    options = options or PredictOptions()
    data = []
    for section in sections:
        data.append((yield from _iter_examples(section, recipe, options)))
    embeddings, values = (np.concatenate(part) for part in zip(*data, strict=True))
    condition = Condition.fit(
        embeddings[:, 0],
        components=recipe.components,
        noise=recipe.embedding_noise,
        sections=np.repeat(np.arange(len(data)), [len(part) for part, _ in data]),
        distrust=recipe.distrust,
    )
    mean, std = _target_scale(values, recipe)
    validation = None
    if held_out is not None:
        validation = yield from _iter_examples(held_out, recipe, options)

    def examples(embeddings: NDArray[np.float32], values: NDArray[np.float32]) -> Examples:
        views = np.stack([condition.transform(view) for view in embeddings.swapaxes(0, 1)], 1)
        parts = ((values - mean) / std, views, condition.noise)
        return Examples(*map(torch.from_numpy, parts))

    recipe = replace(recipe, network=replace(recipe.network, condition_width=condition.width))
    with torch.random.fork_rng():
        torch.manual_seed(recipe.fit.seed)
        network = StemNetwork(recipe.network)
    network = yield from iter_fit(
        network,
        Schedule(recipe.diffusion),
        examples(embeddings, values),
        recipe.fit,
        validation=examples(*validation) if validation else None,
        state_path=run_folder / STATE,
        device=options.device,
    )
    about = _about(sections, len(values))
    checkpoint = Checkpoint(recipe, network, condition, mean, std, about)
    evaluation = None
    if held_out:
        training = Training(embeddings[:, 0], values)
        evaluation = yield from iter_evaluate(checkpoint, held_out, training, options)
        checkpoint = replace(checkpoint, about={**about, **_figures(evaluation)})
    path = save_checkpoint(checkpoint, run_folder / CHECKPOINT)
    return TrainResult(checkpoint, path, evaluation)


def train(
    sections: Sequence[Section],
    recipe: Recipe,
    run_folder: Path,
    *,
    held_out: Section | None = None,
    options: PredictOptions | None = None,
) -> TrainResult:
    """As `iter_train`, without the events."""
    return finish(iter_train(sections, recipe, run_folder, held_out=held_out, options=options))


def hold_out_spots(section: Section, share: float) -> tuple[Section, Section]:
    """Cut a section in two: spots to train on, and a strip at its right to hold out.

    A strip, because neighbours resemble each other: spots held out at random would flatter.

    Raises
    ------
    OptionError
        `share` is not between 0 and 1, or leaves one side empty.
    """
    x = section.spots.obsm["spatial"][:, 0]
    strip = x > np.quantile(x, 1 - share) if 0 < share < 1 else np.zeros(len(x), bool)
    if not strip.any() or strip.all():
        raise OptionError(
            f"{section.name}: a held-out share of {share} of {len(x)} spots leaves one side "
            "empty. Choose a share such as 0.2."
        )
    return (
        replace(section, spots=section.spots[~strip].copy()),
        replace(section, name=f"{section.name} (held out)", spots=section.spots[strip].copy()),
    )


def _iter_examples(
    section: Section, recipe: Recipe, options: PredictOptions
) -> Events[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Embeddings (n, v, d) and values (n, c) of the spots that counted any gene of the panel."""
    counted = panel_counts(section.spots, recipe.panel, section.name).any(axis=1)
    if not counted.any():
        raise TrainingError(f"{section.name}: no spot counted any gene of the panel.")
    spots = section.spots[counted].copy()
    embeddings = yield from iter_embed(
        section.slide,
        spots,
        recipe.encoders,
        recipe.geometry,
        views=range(VIEWS) if recipe.fit.augmented else (0,),
        cache=options.cache,
        weights=options.weights or {},
        device=options.device,
    )
    values = transform_counts(spots, recipe.panel, recipe.transform, where=section.name)
    return embeddings, values


def _target_scale(
    values: NDArray[np.float32], recipe: Recipe
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    if not recipe.standardised:
        genes = values.shape[1]
        return np.zeros(genes, np.float32), np.ones(genes, np.float32)
    std = values.std(axis=0)
    return values.mean(axis=0), np.where(std > 0, std, 1).astype(np.float32)


def _about(sections: Sequence[Section], n_spots: int) -> dict[str, Any]:
    return {
        "sections": [section.name for section in sections],
        "spots": n_spots,
        "versions": {name: version(name) for name in ("napari-stem", "torch", "timm")},
    }


def _figures(evaluation: Evaluation) -> dict[str, Any]:
    return {
        "held_out": evaluation.section,
        "scores": {name: asdict(scores) for name, scores in evaluation.scores.items()},
        "gene_pcc": dict(evaluation.gene_pcc),
    }
