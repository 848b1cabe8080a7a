"""A mouse tool on the canvas: a click gives a point, Shift and a drag give a rectangle."""

from __future__ import annotations

from math import hypot
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal

from napari_stem._napari.mouse.mouse_tool import MouseTool

if TYPE_CHECKING:
    from collections.abc import Generator

    from napari.viewer import Viewer
    from qtpy.QtCore import QObject

_FAR = 5.0  # screen pixels; a hand that clicks moves the mouse by less
_LEFT = 1


class ClickTool(MouseTool):
    """Gives points and rectangles, in world coordinates.

    A drag pans the slide, as everywhere in napari. With Shift, or once after `take_rectangle`, it
    gives a rectangle instead.
    """

    clicked = Signal(object)
    dragging = Signal(object, object)
    dragged = Signal(object, object)
    armed = Signal(bool)  # whether the next drag gives a rectangle without Shift

    def __init__(self, viewer: Viewer, parent: QObject) -> None:
        super().__init__(viewer, parent)
        self.is_armed = False

    def switch(self, on: bool) -> None:
        """Switch the tool on or off; a rectangle is then no longer expected."""
        if not on:
            self.take_rectangle(False)
        super().switch(on)

    def take_rectangle(self, wanted: bool = True) -> None:
        """Let the next drag give a rectangle, which switches the tool on; or no longer."""
        if wanted:
            self.switch(True)
        if wanted != self.is_armed:
            self.is_armed = wanted
            self.armed.emit(wanted)

    def follow(self, viewer: Viewer, event: Any) -> Generator[None, None, None]:
        """Handle one press of a button until its release."""
        if event.button != _LEFT:
            return
        if tuple(event.modifiers) == ("Shift",) or (self.is_armed and not event.modifiers):
            yield from self._draw(viewer, event)
        elif not event.modifiers:
            yield from self._point(viewer, event)

    def _point(self, viewer: Viewer, event: Any) -> Generator[None, None, None]:
        start, far = _place(event), False
        position = tuple(event.position)
        yield
        while event.type == "mouse_move":
            far = far or _is_far(start, _place(event))
            yield
        if self.is_on and not far:
            self.clicked.emit(position)

    def _draw(self, viewer: Viewer, event: Any) -> Generator[None, None, None]:
        """Follow a rectangle, while the slide keeps still."""
        camera, start = viewer.scene.camera, tuple(event.position)
        panned, camera.mouse_pan = camera.mouse_pan, False
        far, origin = False, _place(event)
        try:
            yield
            while event.type == "mouse_move":
                far = far or _is_far(origin, _place(event))
                if far and self.is_on:
                    self.dragging.emit(start, tuple(event.position))
                yield
        finally:
            camera.mouse_pan = panned
        if self.is_on and far:
            self.take_rectangle(False)
            self.dragged.emit(start, tuple(event.position))


def _place(event: Any) -> tuple[float, float]:
    """Where the mouse is on the screen, in pixels, whatever has panned below it."""
    x, y = event.pos
    return float(x), float(y)


def _is_far(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return hypot(one[0] - other[0], one[1] - other[1]) > _FAR
