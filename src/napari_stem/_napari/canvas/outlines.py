"""Outlines of inspected patches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import ref

from napari_stem._napari.canvas import layers

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from napari.layers import Shapes
    from napari.viewer import Viewer
    from numpy.typing import NDArray

    from napari_stem.slides.slide import Slide

_CHOSEN, _OTHER = "#ffcc00", "#101010"
_THICK, _THIN = 3.0, 1.5  # lines in screen pixels, unless all are thinner than:
_LEAST = 1 / 80  # of the smallest rectangle


@dataclass(frozen=True, slots=True, eq=False)
class Outline:
    """A rectangle on the slide.

    Attributes
    ----------
    low, high
        Corners (x, y) in level-0 pixels.
    """

    low: tuple[float, float]
    high: tuple[float, float]
    label: str = ""
    colour: str = _CHOSEN
    line: float = _THIN

    @property
    def corners(self) -> NDArray[np.float64]:
        """(4, 2) corners x, y in level-0 pixels."""
        from napari_stem.spots.polygons import rectangle

        return rectangle(self.low, self.high)


def outlines_of(
    xy: tuple[float, float], widths: Sequence[float], label: str, *, chosen: bool
) -> list[Outline]:
    """The patch around a point; for the chosen point also the wider fields of view."""
    x, y = xy

    def square(width: float, **look: Any) -> Outline:
        return Outline((x - width / 2, y - width / 2), (x + width / 2, y + width / 2), **look)

    patch, *wider = widths
    if not chosen:
        return [square(patch, label=label, colour=_OTHER)]
    return [*map(square, wider), square(patch, label=label, line=_THICK)]


class Outlines:
    """The outlines layer of each slide; it is made when there is something to show."""

    def __init__(self, viewer: Viewer) -> None:
        self._viewer_ref = ref(viewer)

    def show(self, slide: Slide, outlines: Sequence[Outline]) -> None:
        """Replace the outlines on a slide."""
        viewer = self._viewer_ref()
        if viewer is None:
            return
        found = (x for x in viewer.layers if layers.is_layer_of(x, "outlines", slide))
        layer = next(found, None)
        if layer is None:
            if not outlines:
                return
            layer = self._add(viewer, slide)
        pixels = viewer.scene.camera.zoom * (slide.mpp or 1.0)  # of the screen a level-0 pixel
        _fill(layer, outlines, pixels)
        layers.place(layer, slide)
        layers.update(layer, visible=True)

    def _add(self, viewer: Viewer, slide: Slide) -> Shapes:
        """Add the layer on top, without changing the selection, which tools depend on."""
        selected, active = set(viewer.layers.selection), viewer.layers.selection.active
        layer = layers.outlines_layer(slide)
        viewer.layers.append(layer)
        viewer.layers.selection = selected
        viewer.layers.selection.active = active
        return layer


def _fill(layer: Shapes, outlines: Sequence[Outline], pixels: float) -> None:
    """Replace a layer's rectangles; `pixels` are screen pixels per level-0 pixel."""
    layer.selected_data = set()
    layer.data = []
    if not outlines:
        return
    least = _LEAST * min(outline.high[0] - outline.low[0] for outline in outlines) / _THIN
    layer.add(
        [layers.on_layer(outline.corners) for outline in outlines],
        shape_type="rectangle",
        edge_width=[max(1 / pixels, least) * outline.line for outline in outlines],
        edge_color=[outline.colour for outline in outlines],
        face_color="transparent",
    )
    layer.features = {"label": [outline.label for outline in outlines]}
