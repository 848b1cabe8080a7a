"""Patches described as a recipe asks: by its encoders, at its size, in its stains."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from napari_stem.features.embed import iter_embed

if TYPE_CHECKING:
    import numpy as np
    from anndata import AnnData
    from numpy.typing import NDArray

    from napari_stem.checkpoints.recipe import Recipe
    from napari_stem.events import Events
    from napari_stem.features.compute import Compute
    from napari_stem.slides.slide import Slide


def iter_embed_as(
    recipe: Recipe,
    slide: Slide,
    spots: AnnData,
    *,
    views: Sequence[int] = (0,),
    compute: Compute | None = None,
) -> Events[NDArray[np.float32]]:
    """Describe the patches around spots (n, v, d); see `features.embed.iter_embed`."""
    return iter_embed(
        slide, spots, recipe.encoders, recipe.geometry,
        views=views, stains=recipe.stains, compute=compute,
    )  # fmt: skip
