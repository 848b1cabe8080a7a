"""What every prediction of the window is made with: checkpoint, settings, cache, weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from napari_stem._napari.shell.remembered import remember, remembered
from napari_stem.storage import cache_dir, checkpoints_dir

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari_stem._napari.state.workspace import ChosenCheckpoint, Workspace
    from napari_stem.checkpoints.recipe import Recipe
    from napari_stem.prediction.predict import PredictOptions

SamplerName = Literal["dpm++", "ddim", "ancestral"]
_WEIGHTS = "encoder_weights"


def predict_options(
    recipe: Recipe,
    *,
    n_draws: int,
    sampler: SamplerName,
    steps: int,
    seed: int,
    device: str,
    batch_size: int,
) -> PredictOptions:
    """The core's options; its encoders read the files of weights that were chosen for them."""
    from napari_stem.prediction.predict import PredictOptions
    from napari_stem.prediction.sampling import SamplerConfig

    return PredictOptions(
        n_draws=n_draws,
        seed=seed,
        sampler=SamplerConfig(sampler, steps),
        batch_size=batch_size,
        device=device,
        cache=cache_dir(),
        weights=chosen_weights(encoder.name for encoder in recipe.encoders),
    )


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
