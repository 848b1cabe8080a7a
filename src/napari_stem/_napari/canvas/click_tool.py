"""A mouse tool on the canvas: a click gives a point, a drag gives a rectangle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import ref

from qtpy.QtCore import QObject, Signal

from napari_stem._napari.canvas import layers

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from napari.viewer import Viewer

_FAR = 5.0  # screen pixels; a hand that clicks moves the mouse by less
_LEFT, _MIDDLE = 1, 3
_LEAVE = "Escape"


class ClickTool(QObject):
    """Takes the left mouse button from napari while it is on; points are in world coordinates.

    Dragging with Shift or with the middle button still pans the slide.
    """

    clicked = Signal(object)
    dragging = Signal(object, object)
    dragged = Signal(object, object)
    switched = Signal(bool)

    def __init__(self, viewer: Viewer, parent: QObject) -> None:
        super().__init__(parent)
        self._viewer_ref = ref(viewer)
        self._zooms: list[Callable[..., Any]] = []  # what a double click does without the tool
        self._former_leave: Any = None
        self.is_on = False

    def switch(self, on: bool) -> None:
        """Switch the tool on or off."""
        viewer = self._viewer_ref()
        if on == self.is_on or viewer is None:
            return
        self.is_on = on
        if on:
            self._take(viewer)
        else:
            self._give_back(viewer)
        self.switched.emit(on)

    def bind(self, key: str, function: Any) -> Any:
        """Bind a key of the viewer; None frees it. Returns its former function."""
        viewer = self._viewer_ref()
        return None if viewer is None else viewer.bind_key(key, function, overwrite=True)

    def _take(self, viewer: Viewer) -> None:
        if (active := viewer.layers.selection.active) is not None:
            active.mode = "pan_zoom"  # a click must not paint as well
        self._zooms = list(viewer.mouse_double_click_callbacks)
        viewer.mouse_double_click_callbacks.clear()
        viewer.mouse_drag_callbacks.append(self._follow)
        camera = viewer.scene.camera
        camera.mouse_pan = False
        camera.events.mouse_pan.connect(self._keep_still)  # a newly active layer sets it
        viewer.cursor.style = "cross"
        self._former_leave = self.bind(_LEAVE, self._leave)

    def _give_back(self, viewer: Viewer) -> None:
        camera, active = viewer.scene.camera, viewer.layers.selection.active
        camera.events.mouse_pan.disconnect(self._keep_still)
        camera.mouse_pan = active is None or active.mouse_pan
        viewer.cursor.style = "standard" if active is None else active.cursor
        if self._follow in viewer.mouse_drag_callbacks:
            viewer.mouse_drag_callbacks.remove(self._follow)
        viewer.mouse_double_click_callbacks[:0] = self._zooms
        self.bind(_LEAVE, self._former_leave)

    def _keep_still(self) -> None:
        if (viewer := self._viewer_ref()) is not None:
            viewer.scene.camera.mouse_pan = False

    def _leave(self, viewer: Viewer) -> None:
        self.switch(False)

    def _follow(self, viewer: Viewer, event: Any) -> Generator[None, None, None]:
        """Handle one press of a button until its release."""
        if event.button == _MIDDLE or (event.button == _LEFT and "Shift" in event.modifiers):
            yield from _pan(viewer, event)
        elif event.button == _LEFT and not event.modifiers:
            yield from self._point(viewer, event)

    def _point(self, viewer: Viewer, event: Any) -> Generator[None, None, None]:
        start, far = tuple(event.position), False
        yield
        while event.type == "mouse_move":
            apart = layers.distance(event.position, start) * viewer.scene.camera.zoom
            far = far or apart > _FAR
            if far and self.is_on:
                self.dragging.emit(start, tuple(event.position))
            yield
        if not self.is_on:
            return
        if far:
            self.dragged.emit(start, tuple(event.position))
        else:
            self.clicked.emit(start)


def _pan(viewer: Viewer, event: Any) -> Generator[None, None, None]:
    """Pan so that the point where the drag began stays below the mouse."""
    held = tuple(event.position)
    yield
    while event.type == "mouse_move":
        layers.bring_under(viewer.scene.camera, held, event.position)
        yield
