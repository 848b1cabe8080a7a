"""A mouse tool on the canvas: a click gives a point, Shift and a drag give a rectangle."""

from __future__ import annotations

from math import hypot
from typing import TYPE_CHECKING, Any
from weakref import ref

from qtpy.QtCore import QObject, Signal

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from napari.viewer import Viewer

_FAR = 5.0  # screen pixels; a hand that clicks moves the mouse by less
_LEFT = 1
_LEAVE = "Escape"


class ClickTool(QObject):
    """Takes clicks from napari while it is on; points are in world coordinates.

    A drag pans the slide, as everywhere in napari. With Shift, or once after `take_rectangle`, it
    gives a rectangle instead.
    """

    clicked = Signal(object)
    dragging = Signal(object, object)
    dragged = Signal(object, object)
    switched = Signal(bool)
    armed = Signal(bool)  # whether the next drag gives a rectangle without Shift

    def __init__(self, viewer: Viewer, parent: QObject) -> None:
        super().__init__(parent)
        self._viewer_ref = ref(viewer)
        self._zooms: list[Callable[..., Any]] = []  # napari's own, at a double click
        self._former_leave: Any = None
        self.is_on = False
        self.is_armed = False

    def switch(self, on: bool) -> None:
        """Switch the tool on or off."""
        viewer = self._viewer_ref()
        if on == self.is_on or viewer is None:
            return
        self.is_on = on
        if on:
            self._take(viewer)
        else:
            self.take_rectangle(False)
            self._give_back(viewer)
        self.switched.emit(on)

    def take_rectangle(self, wanted: bool = True) -> None:
        """Let the next drag give a rectangle, which switches the tool on; or no longer."""
        if wanted:
            self.switch(True)
        if wanted != self.is_armed:
            self.is_armed = wanted
            self.armed.emit(wanted)

    def bind(self, key: str, function: Any) -> Any:
        """Bind a key of the viewer; None frees it. Returns its former function."""
        viewer = self._viewer_ref()
        return None if viewer is None else viewer.bind_key(key, function, overwrite=True)

    def _take(self, viewer: Viewer) -> None:
        if (active := viewer.layers.selection.active) is not None:
            active.mode = "pan_zoom"  # a click must not paint as well
        self._zooms = [each for each in viewer.mouse_double_click_callbacks if _is_of_napari(each)]
        for zoom in self._zooms:
            viewer.mouse_double_click_callbacks.remove(zoom)
        viewer.mouse_drag_callbacks.append(self._follow)
        viewer.cursor.style = "cross"
        self._former_leave = self.bind(_LEAVE, self._leave)

    def _give_back(self, viewer: Viewer) -> None:
        active = viewer.layers.selection.active
        viewer.cursor.style = "standard" if active is None else active.cursor
        if self._follow in viewer.mouse_drag_callbacks:
            viewer.mouse_drag_callbacks.remove(self._follow)
        # They come first, as before; callbacks of other plugins were left where they are.
        viewer.mouse_double_click_callbacks[:0] = self._zooms
        self.bind(_LEAVE, self._former_leave)

    def _leave(self, viewer: Viewer) -> None:
        self.switch(False)

    def _follow(self, viewer: Viewer, event: Any) -> Generator[None, None, None]:
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


def _is_of_napari(callback: Callable[..., Any]) -> bool:
    """Whether a callback is napari's own, not that of a plugin."""
    return getattr(callback, "__module__", "").split(".")[0] == "napari"
