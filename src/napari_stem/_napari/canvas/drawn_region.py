"""Regions that a user draws and selects on the slide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from napari.layers import Shapes

from napari_stem._napari.canvas import layers

if TYPE_CHECKING:
    from napari.viewer import Viewer
    from numpy.typing import NDArray

    from napari_stem.slides.slide import Slide

Tool = Literal["add_polygon_lasso", "add_rectangle"]

_AREAS = ("rectangle", "polygon", "ellipse")
_CORNERS_OF_ELLIPSE = 64


def draw_region(viewer: Viewer, slide: Slide, tool: Tool) -> None:
    """Let the user draw in the slide's region layer, which is made if there is none."""
    layer = _region_layer(viewer, slide)
    if layer is None:
        layer = viewer.add_layer(layers.region_layer(slide))
    layer.visible = True
    viewer.layers.selection.active = layer
    layer.mode = tool


def end_drawing(viewer: Viewer, slide: Slide) -> None:
    """Let the mouse move the slide again."""
    if layer := _region_layer(viewer, slide):
        layer.mode = "pan_zoom"


def selected_region(viewer: Viewer, slide: Slide) -> list[NDArray[np.float64]]:
    """Polygons of the shapes that are selected in selected layers, in level-0 pixels.

    A layer of which no shape is selected, or that is being drawn in, gives all of its shapes.
    Where no Shapes layer is selected, what was drawn as the slide's region is taken.
    """
    chosen = [
        layer
        for layer in viewer.layers.selection
        if isinstance(layer, Shapes) and not _is_of_another(layer, slide)
    ]
    drawn = _region_layer(viewer, slide)
    if not chosen and drawn is not None:
        chosen = [drawn]
    return [polygon for layer in chosen for polygon in _polygons(layer, slide.mpp or 1.0)]


def _region_layer(viewer: Viewer, slide: Slide) -> Shapes | None:
    ours = (layer for layer in viewer.layers if layers.is_layer_of(layer, "region", slide))
    return next(ours, None)


def _is_of_another(layer: Shapes, slide: Slide) -> bool:
    return layers.role_of(layer) is not None and not layers.is_layer_of(layer, "region", slide)


def _polygons(layer: Shapes, mpp: float) -> list[NDArray[np.float64]]:
    selected = () if layer.mode.startswith("add_") else layer.selected_data
    numbers = sorted(selected) or range(layer.nshapes)
    kinds = layer.shape_type
    return [
        _on_slide(layer, _outline(layer.data[i], kinds[i]), mpp)
        for i in numbers
        if kinds[i] in _AREAS
    ]


def _outline(corners: NDArray[np.float64], kind: str) -> NDArray[np.float64]:
    """Corners of a polygon; an ellipse is stored as those of its box."""
    if kind != "ellipse":
        return corners
    angle = np.linspace(0, 2 * np.pi, _CORNERS_OF_ELLIPSE, endpoint=False)[:, None]
    centre = corners.mean(axis=0)
    half_width, half_height = (corners[1] - corners[0]) / 2, (corners[3] - corners[0]) / 2
    outline: NDArray[np.float64] = centre + np.cos(angle) * half_width + np.sin(angle) * half_height
    return outline


def _on_slide(layer: Shapes, corners: NDArray[np.float64], mpp: float) -> NDArray[np.float64]:
    """(row, column) of a layer as x, y; the centre of napari's pixel 0 lies at 0, ours at 0.5."""
    world = np.array([layer.data_to_world(corner)[-2:] for corner in corners])
    return world[:, ::-1] / mpp + 0.5
