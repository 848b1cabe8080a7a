"""Patches described as a recipe asks: by its encoders, at its size, in its stains."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from napari_stem.events import relay
from napari_stem.features.compute import Compute
from napari_stem.features.embed import as_part, check_patches, iter_embed
from napari_stem.features.surroundings import tiles_around
from napari_stem.roomy import joined

if TYPE_CHECKING:
    from anndata import AnnData
    from numpy.typing import NDArray

    from napari_stem.checkpoints.recipe import Recipe
    from napari_stem.events import Events
    from napari_stem.slides.slide import Slide


def iter_embed_as(
    recipe: Recipe,
    slide: Slide,
    spots: AnnData,
    *,
    views: Sequence[int] = (0,),
    bfloat16: bool = False,
    compute: Compute | None = None,
) -> Events[NDArray[np.float32]]:
    """Describe the patches around spots (n, v, d); see `features.embed.iter_embed`.

    With surroundings, the mean of the tiles around a spot follows the vector of its patch.
    """
    compute = compute or Compute()

    def described(table: AnnData, views: Sequence[int]) -> Events[NDArray[np.float32]]:
        return iter_embed(
            slide, table, recipe.encoders, recipe.geometry,
            views=views, stains=recipe.stains, bfloat16=bfloat16, compute=compute,
        )  # fmt: skip

    if recipe.surroundings is None:
        return (yield from described(spots, views))
    check_patches(slide, spots, recipe.geometry, allow_low_resolution=compute.allow_low_resolution)
    tiles = tiles_around(slide, spots, recipe.geometry, recipe.surroundings)
    fields = sum(len(encoder.fields) for encoder in recipe.encoders)
    n_own, n_all = fields * spots.n_obs, fields * (spots.n_obs + tiles.table.n_obs)
    own = yield from relay(described(spots, views), partial(as_part, 0, n_all))
    near = yield from relay(described(tiles.table, (0,)), partial(as_part, n_own, n_all))
    around = tiles.mean(near[:, 0], compute.cache)
    whole = np.broadcast_to(around[:, None], (spots.n_obs, len(views), around.shape[1]))
    return joined([own, whole], 2, compute.cache)
