"""Heatmaps: spots as discs of one Image layer, coloured by the values of a gene."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image
from napari.utils.colormaps import Colormap

from napari_stem._napari.canvas import layers

if TYPE_CHECKING:
    from napari.layers import Layer
    from numpy.typing import NDArray

    from napari_stem.slides.slide import Slide
    from napari_stem.spots.raster import SpotRaster

_PREVIEW = Colormap(["#00c2a8", "#00c2a8"], name="spots")


def spots_layer(slide: Slide) -> Image:
    """An empty preview of where spots lie."""
    return _discs("spots", slide, name=layers.NAMES["spots"], colormap=_PREVIEW, opacity=0.45)


def heatmap_layer(slide: Slide, statistic: str) -> Image:
    """An empty heatmap of one statistic."""
    return _discs(heatmap_role(statistic), slide, name=statistic)


def compared_layers(slide: Slide) -> tuple[Image, Image]:
    """A second layer of the slide and an empty heatmap, for a cell of the comparison."""
    picture = layers.slide_layer(slide)
    heatmap = _discs("compared heatmap", slide, name="Next gene")
    picture.metadata = layers.tag("compared slide", slide)
    return picture, heatmap


def show_spots(layer: Image, slide: Slide, raster: SpotRaster) -> None:
    """Replace the spots that the preview shows."""
    layer.data = raster.paint(np.ones(raster.n_spots, np.float32), np.nan)
    layers.place(layer, slide, raster)


def show_values(
    layer: Image,
    slide: Slide,
    raster: SpotRaster,
    values: NDArray[np.float32],
    limits: tuple[float, float],
) -> None:
    """Replace the values of a heatmap, none where NaN; `limits` are its contrast limits."""
    if layer.data.shape == raster.index.shape:
        raster.paint(values, np.nan, out=layer.data)
        layer.refresh(extent=False)  # for other data napari would lay out the whole viewer anew
    else:
        layer.data = raster.paint(values, np.nan)
    low, high = layer.contrast_limits_range
    # It only grows: the colour bar is laid out anew at each change.
    reach = (
        float(np.nanmin(values, initial=min(low, limits[0]))),
        float(np.nanmax(values, initial=max(high, limits[1]))),
    )
    layers.update(layer, contrast_limits_range=reach)
    layers.update(layer, contrast_limits=limits)
    layers.place(layer, slide, raster)


def heatmap_role(statistic: str) -> str:
    """The role of the one layer that shows a statistic."""
    return f"heatmap of {statistic}"


def has_colour_bar(layer: Layer) -> bool:
    """Whether a layer is a heatmap."""
    return (layers.role_of(layer) or "").startswith(heatmap_role(""))


def _discs(role: str, slide: Slide, **options: Any) -> Image:
    """An empty Image layer for spots drawn as discs; NaN is transparent."""
    return Image(
        np.full((1, 1), np.nan, np.float32),
        contrast_limits=(0, 1),
        interpolation2d="nearest",
        blending="translucent",
        metadata=layers.tag(role, slide),
        **layers.placement(slide),
        **options,
    )
