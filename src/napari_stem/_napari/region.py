"""Shapes that a user selected, on the slide."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Shapes

if TYPE_CHECKING:
    from napari.viewer import Viewer
    from numpy.typing import NDArray

    from napari_stem.slide import Slide

_AREAS = ("rectangle", "polygon", "ellipse")
_CORNERS_OF_ELLIPSE = 64


def selected_region(viewer: Viewer, slide: Slide) -> list[NDArray[np.float64]]:
    """Polygons of the shapes that are selected in selected layers, in level-0 pixels.

    A selected layer of which no shape is selected gives all of its shapes.
    """
    chosen = [layer for layer in viewer.layers.selection if isinstance(layer, Shapes)]
    return [polygon for layer in chosen for polygon in _polygons(layer, slide.mpp or 1.0)]


def _polygons(layer: Shapes, mpp: float) -> list[NDArray[np.float64]]:
    numbers = sorted(layer.selected_data) or range(layer.nshapes)
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
