"""The base class of tools that take the mouse from napari while they are on."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any
from weakref import ref

from qtpy.QtCore import QObject, Signal

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from napari.viewer import Viewer

_LEAVE = "Escape"


class MouseTool(QObject):
    """Takes presses of the mouse on the canvas while it is on; Esc ends it."""

    switched = Signal(bool)

    def __init__(self, viewer: Viewer, parent: QObject) -> None:
        super().__init__(parent)
        self._viewer_ref = ref(viewer)
        self._zooms: list[Callable[..., Any]] = []  # napari's own, at a double click
        self._keys: list[tuple[Any, Any]] = []  # who had the key, and its former function
        self.is_on = False

    @abstractmethod
    def follow(self, viewer: Viewer, event: Any) -> Generator[None, None, None]:
        """Handle one press of a button until its release."""

    def switch(self, on: bool) -> None:
        """Switch the tool on or off."""
        viewer = self._viewer_ref()
        if on == self.is_on or viewer is None:
            return
        self.is_on = on
        if not on:
            self._give_back(viewer)
        self.switched.emit(on)  # upon which another tool gives back what it took
        if on and self.is_on:
            self._take(viewer)

    def _take(self, viewer: Viewer) -> None:
        if (active := viewer.layers.selection.active) is not None:
            active.mode = "pan_zoom"  # a click must not paint as well
        self._zooms = [each for each in viewer.mouse_double_click_callbacks if _is_of_napari(each)]
        for zoom in self._zooms:
            viewer.mouse_double_click_callbacks.remove(zoom)
        viewer.mouse_drag_callbacks.append(self.follow)
        viewer.cursor.style = "cross"
        viewer.layers.selection.events.active.connect(self._take_key)
        self._take_key()

    def _give_back(self, viewer: Viewer) -> None:
        active = viewer.layers.selection.active
        viewer.cursor.style = "standard" if active is None else active.cursor
        if self.follow in viewer.mouse_drag_callbacks:
            viewer.mouse_drag_callbacks.remove(self.follow)
        # They come first, as before; callbacks of other plugins were left where they are.
        viewer.mouse_double_click_callbacks[:0] = self._zooms
        viewer.layers.selection.events.active.disconnect(self._take_key)
        self._give_key_back()

    def _take_key(self) -> None:
        """Take Esc from the viewer, and from the active layer, whose keys come first."""
        self._give_key_back()
        if (viewer := self._viewer_ref()) is not None:
            holders = [viewer, viewer.layers.selection.active]
            self._keys = [
                (holder, holder.bind_key(_LEAVE, self._leave, overwrite=True))
                for holder in holders
                if holder is not None
            ]

    def _give_key_back(self) -> None:
        for holder, former in self._keys:
            holder.bind_key(_LEAVE, former, overwrite=True)
        self._keys = []

    def _leave(self, _: object) -> None:
        self.switch(False)


def _is_of_napari(callback: Callable[..., Any]) -> bool:
    """Whether a callback is napari's own, not that of a plugin."""
    return getattr(callback, "__module__", "").split(".")[0] == "napari"
