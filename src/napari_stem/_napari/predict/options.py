"""What every prediction of the window is made with: checkpoint, settings, cache, weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_stem._napari.shell.remembered import remember, remembered, remembered_options
from napari_stem.features.compute import Compute
from napari_stem.storage import cache_dir, checkpoints_dir

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari_stem._napari.state.workspace import ChosenCheckpoint, Workspace
    from napari_stem.checkpoints.recipe import Recipe
    from napari_stem.prediction.options import PredictOptions

_WEIGHTS = "encoder_weights"


def compute_for(recipe: Recipe, **chosen: Any) -> Compute:
    """Where it runs: as chosen, else as remembered; encoders read the weights chosen for them."""
    weights = chosen_weights(encoder.name for encoder in recipe.encoders)
    last = remembered_options(Compute)
    return replace(last, cache=cache_dir(), weights=weights, **chosen)


def request_values(options: PredictOptions, compute: Compute) -> dict[str, Any]:
    """Options by their names in `PredictRequest`."""
    return {
        "n_draws": options.n_draws,
        "sampler": options.sampler,
        "steps": options.n_steps,
        "seed": options.seed,
        "device": compute.device,
        "batch_size": compute.batch_size,
    }


def choose_checkpoint(workspace: Workspace, checkpoint: ChosenCheckpoint) -> None:
    """Predict with a checkpoint from now on, at the next start too."""
    path = str(checkpoint.path)
    if checkpoint.path.parent != checkpoints_dir():
        others = [other for other in remembered("checkpoints", []) if other != path]
        remember(checkpoints=[path, *others][:10])
    remember(checkpoint=path)
    workspace.checkpoint = checkpoint


def chosen_weights(encoders: Iterable[str]) -> dict[str, Path]:
    """Files of weights that were chosen for encoders and are still there."""
    known = remembered(_WEIGHTS, {})
    found = {name: Path(known[name]) for name in encoders if name in known}
    return {name: path for name, path in found.items() if path.is_file()}


def choose_weights(encoder: str, path: Path) -> None:
    """Let an encoder read a file of weights from now on."""
    remember(**{_WEIGHTS: {**remembered(_WEIGHTS, {}), encoder: str(path)}})
