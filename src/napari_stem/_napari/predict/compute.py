"""Device, cache and encoder weights for every prediction of the window."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from napari_stem._napari.shell.choices import chosen_weights
from napari_stem.storage import cache_dir

if TYPE_CHECKING:
    from napari_stem.checkpoints.recipe import Recipe
    from napari_stem.features.compute import Compute


def compute_for(recipe: Recipe, compute: Compute) -> Compute:
    """The same with the user's cache, and the weights files chosen for the recipe's encoders."""
    weights = chosen_weights(encoder.name for encoder in recipe.encoders)
    return replace(compute, cache=cache_dir(), weights=weights)
