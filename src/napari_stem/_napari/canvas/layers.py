"""Slides, spots and results as napari layers.

The only module that converts coordinates: napari orders them (row, column) and puts the centre of
pixel 0 at 0 (we put it at 0.5). It also sets scale and units of layers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image, Layer, Shapes, Vectors

from napari_stem._napari.canvas.tiles import tiles_of
from napari_stem.spots.polygons import rectangle

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from napari.components import LayerList
    from numpy.typing import NDArray

    from napari_stem.slides.slide import Slide
    from napari_stem.spots.raster import SpotRaster

NAMES = {
    "spots": "Spots",
    "clusters": "Clusters",
    "region": "Region",
    "outlines": "Inspected patches",
    "groups": "Groups",
    "selection": "Selected spots",
    "line": "Drawn line",
}  # of layers by their roles, where one slide is open

_KEY = "napari_stem"
_REGION_COLOUR = "#ffd400"
_LINE_WIDTH = 2.5  # screen pixels
_REGION_LINES = 300  # a slide's width in lines of a region's outline


def parse_units() -> None:
    """Let napari parse its table of units, which its first layer would wait for."""
    Image(np.zeros((1, 1), np.float32))


def placement(slide: Slide, raster: SpotRaster | None = None) -> dict[str, Any]:
    """Scale, translation and units of a layer: of the slide itself, or of a raster on it."""
    left, top, step = (raster.left, raster.top, raster.step) if raster else (0.0, 0.0, 1.0)
    unit, mpp = ("micrometer", slide.mpp) if slide.mpp else ("pixel", 1.0)
    return {
        "scale": (step * mpp, step * mpp),
        "translate": ((top + step / 2 - 0.5) * mpp, (left + step / 2 - 0.5) * mpp),
        "units": (unit, unit),
    }


def has_units_of(layer: Layer, slide: Slide) -> bool:
    """Whether a layer has the units of a slide."""
    return bool(tuple(map(str, layer.units)) == placement(slide)["units"])


def place(layer: Layer, slide: Slide, raster: SpotRaster | None = None) -> None:
    """Set scale, translation and units of a layer, where they differ."""
    where = placement(slide, raster)
    units = where.pop("units")
    if not has_units_of(layer, slide):
        layer.units = units
    update(layer, **where)


def in_plane(world: Sequence[float]) -> NDArray[np.float64]:
    """(2,) row and column of a world position, without further dimensions."""
    return np.asarray(world, dtype=np.float64)[-2:]


def on_slide(world: Sequence[float], slide: Slide) -> tuple[float, float]:
    """(x, y) in level-0 pixels of a world position."""
    row, column = in_plane(world) / (slide.mpp or 1.0) + 0.5
    return float(column), float(row)


def dragged(
    start: Sequence[float], end: Sequence[float], slide: Slide
) -> NDArray[np.float64] | None:
    """(4, 2) corners x, y on the slide of a rectangle dragged in the world; None beside it."""
    ends = np.array([on_slide(start, slide), on_slide(end, slide)])
    low, high = np.clip([ends.min(axis=0), ends.max(axis=0)], 0, [slide.width, slide.height])
    return rectangle(low, high) if (low < high).all() else None


def corners(layer: Shapes, number: int, slide: Slide) -> NDArray[np.float64]:
    """(m, 2) corners x, y of a shape in level-0 pixels of the slide that it was drawn on."""
    drawn = layer.data[number]
    return np.array([on_slide(layer.data_to_world(corner), slide) for corner in drawn])


def on_layer(xy: NDArray[np.float64]) -> NDArray[np.float64]:
    """(m, 2) rows and columns of a layer in the slide's placement, from level-0 pixels."""
    return xy[:, ::-1] - 0.5


def outlines_layer(slide: Slide) -> Shapes:
    """An empty layer of labelled rectangles."""
    return Shapes(
        name=NAMES["outlines"],
        metadata=tag("outlines", slide),
        features={"label": np.empty(0, str)},
        text={"string": "{label}", "anchor": "upper_left", "color": "black", "size": 11},
        **placement(slide),
    )


def line_layer(slide: Slide) -> Vectors:
    """An empty layer for the line that the mouse draws."""
    return Vectors(
        ndim=2,
        name=NAMES["line"],
        vector_style="line",
        edge_color=_REGION_COLOUR,
        metadata=tag("line", slide),
        **placement(slide),
    )


def show_line(layer: Vectors, slide: Slide, corners: NDArray[np.float64], pixels: float) -> None:
    """Draw a line through corners (m, 2); `pixels` are screen pixels per level-0 pixel."""
    places = on_layer(corners)
    layer.data = np.stack([places[:-1], np.diff(places, axis=0)], axis=1)
    update(layer, edge_width=_LINE_WIDTH / pixels, length=1, visible=True)
    place(layer, slide)


def update(target: Any, **values: Any) -> None:
    """Set the attributes that differ: napari redraws at each assignment, changed or not."""
    for name, value in values.items():
        if not np.all(getattr(target, name) == value):
            setattr(target, name, value)


def remove(stack: LayerList, gone: Iterable[Layer]) -> None:
    """Remove layers, as far as they are there; napari then collects garbage once, not for each."""
    there = [layer for layer in gone if layer in stack]
    if there:
        with stack.batched_update():
            for layer in there:
                stack.remove(layer)


def slide_layer(slide: Slide) -> Image:
    """The slide as a multiscale image; napari reads only the visible tiles."""
    levels = [x if isinstance(x, np.ndarray) else tiles_of(x) for x in slide.levels]
    return Image(
        levels if len(levels) > 1 else levels[0],
        multiscale=len(levels) > 1,
        rgb=True,
        contrast_limits=(0, 255),
        name=slide.name,
        metadata=tag("slide", slide),
        **placement(slide),
    )


def region_layer(slide: Slide) -> Shapes:
    """An empty layer to draw regions in; its coordinates are those of the slide's pixels."""
    return Shapes(
        ndim=2,
        name=NAMES["region"],
        edge_color=_REGION_COLOUR,
        edge_width=max(1.0, slide.width / _REGION_LINES),
        face_color="transparent",
        metadata=tag("region", slide),
        **placement(slide),
    )


def is_picture(layer: Layer) -> bool:
    """Whether a layer is an RGB image that is, or can become, a slide."""
    is_rgb = isinstance(layer, Image) and layer.rgb and layer.ndim == 2
    return is_rgb and role_of(layer) in (None, "slide")


def adopt_as_slide(layer: Image, slide: Slide) -> None:
    """Use an existing layer as the image of `slide`."""
    layer.metadata.update(tag("slide", slide))
    place(layer, slide)


def is_layer_of(layer: Layer, role: str, slide: Slide) -> bool:
    """Whether a layer has this role for this slide."""
    return bool(layer.metadata.get(_KEY) == tag(role, slide)[_KEY])


def role_of(layer: Layer) -> str | None:
    """The role of a layer that this plugin made; None for other layers."""
    tag = layer.metadata.get(_KEY)
    return tag["role"] if tag else None


def slide_of(layer: Layer) -> str | None:
    """The fingerprint of the slide that a layer belongs to; None for other layers."""
    tag = layer.metadata.get(_KEY)
    return tag["slide"] if tag else None


def slide_among(slides: Iterable[Slide], layer: Layer) -> Slide | None:
    """The one of these slides that a layer belongs to; None if there is none."""
    return next((slide for slide in slides if slide.fingerprint == slide_of(layer)), None)


def tag(role: str, slide: Slide) -> dict[str, dict[str, str]]:
    """Metadata of a layer, by which it is found again."""
    return {_KEY: {"role": role, "slide": slide.fingerprint}}
