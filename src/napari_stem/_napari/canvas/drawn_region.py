"""Regions that a user draws and selects on the slide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from napari.layers import Shapes

from napari_stem._napari.canvas import layers
from napari_stem._napari.state.drawn_shape import DrawnShape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari.viewer import Viewer
    from numpy.typing import NDArray

    from napari_stem.slides.slide import Slide

Tool = Literal["add_polygon_lasso", "add_rectangle"]

_AREAS = ("rectangle", "polygon", "ellipse")


def draw_region(viewer: Viewer, slide: Slide, tool: Tool) -> None:
    """Let the user draw in the slide's region layer, which is made if there is none."""
    layer = _made_region_layer(viewer, slide)
    layer.visible = True
    viewer.layers.selection.active = layer
    layer.mode = tool


def end_drawing(viewer: Viewer, slide: Slide) -> None:
    """Leave the drawing mode, so that the mouse pans the slide again."""
    if layer := _region_layer(viewer, slide):
        layer.mode = "pan_zoom"


def selected_region(viewer: Viewer, slide: Slide) -> list[NDArray[np.float64]]:
    """Polygons of the shapes that are selected in selected layers, in level-0 pixels.

    A layer without selected shapes, or one that is being drawn in, gives all of its shapes.
    If no Shapes layer is selected, the slide's own region layer is used.
    """
    chosen = [
        layer
        for layer in viewer.layers.selection
        if isinstance(layer, Shapes) and not _is_of_another(layer, slide)
    ]
    drawn = _region_layer(viewer, slide)
    if not chosen and drawn is not None:
        chosen = [drawn]
    return [polygon for layer in chosen for polygon in _polygons(layer, slide)]


def drawn_shapes(viewer: Viewer, slide: Slide) -> tuple[DrawnShape, ...]:
    """All areas that were drawn in the slide's region layer."""
    layer = _region_layer(viewer, slide)
    return () if layer is None else tuple(_areas(layer, slide, range(layer.nshapes)))


def draw_again(viewer: Viewer, slide: Slide, shapes: Sequence[DrawnShape]) -> None:
    """Draw areas in the slide's region layer, unless something is drawn there already."""
    if not shapes or drawn_shapes(viewer, slide):
        return
    layer = _made_region_layer(viewer, slide)
    for shape in shapes:
        layer.add(layers.on_layer(np.array(shape.corners)), shape_type=shape.kind)


def _made_region_layer(viewer: Viewer, slide: Slide) -> Shapes:
    return _region_layer(viewer, slide) or viewer.add_layer(layers.region_layer(slide))


def _region_layer(viewer: Viewer, slide: Slide) -> Shapes | None:
    ours = (layer for layer in viewer.layers if layers.is_layer_of(layer, "region", slide))
    return next(ours, None)


def _is_of_another(layer: Shapes, slide: Slide) -> bool:
    return layers.role_of(layer) is not None and not layers.is_layer_of(layer, "region", slide)


def _polygons(layer: Shapes, slide: Slide) -> list[NDArray[np.float64]]:
    from napari_stem.spots.polygons import ellipse

    selected = () if layer.mode.startswith("add_") else layer.selected_data
    drawn = _areas(layer, slide, sorted(selected) or range(layer.nshapes))
    # napari keeps an ellipse as the corners of its box.
    outlines = [(shape.kind, np.array(shape.corners)) for shape in drawn]
    return [ellipse(corners) if kind == "ellipse" else corners for kind, corners in outlines]


def _areas(layer: Shapes, slide: Slide, numbers: Sequence[int]) -> list[DrawnShape]:
    kinds = layer.shape_type
    return [
        DrawnShape.on(slide, kinds[i], layers.corners(layer, i, slide))
        for i in numbers
        if kinds[i] in _AREAS
    ]
