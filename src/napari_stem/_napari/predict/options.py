"""Device, cache and encoder weights for every prediction of the window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_stem._napari.shell.choices import chosen_weights
from napari_stem.features.compute import Compute
from napari_stem.storage import cache_dir

if TYPE_CHECKING:
    from napari_stem.checkpoints.recipe import Recipe


def compute_for(recipe: Recipe, *, device: str, batch_size: int) -> Compute:
    """Compute options for a recipe, with the weights files that were chosen for its encoders."""
    weights = chosen_weights(encoder.name for encoder in recipe.encoders)
    return Compute(device=device, batch_size=batch_size, cache=cache_dir(), weights=weights)
