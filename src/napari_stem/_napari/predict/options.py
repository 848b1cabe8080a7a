"""What every prediction of the window is made with: checkpoint, settings, cache, weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_stem._napari.shell.remembered import remember, remembered
from napari_stem.features.compute import Compute
from napari_stem.storage import cache_dir, checkpoints_dir

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari_stem._napari.state.workspace import ChosenCheckpoint, Workspace
    from napari_stem.checkpoints.recipe import Recipe

_WEIGHTS = "encoder_weights"


def compute_for(recipe: Recipe, *, device: str, batch_size: int) -> Compute:
    """Where it runs; encoders read the files of weights that were chosen for them."""
    weights = chosen_weights(encoder.name for encoder in recipe.encoders)
    return Compute(device=device, batch_size=batch_size, cache=cache_dir(), weights=weights)


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
