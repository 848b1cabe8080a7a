"""Asks before a window closes whose results, points or regions no file holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from qtpy.QtCore import QEvent, QObject, QTimer
from qtpy.QtWidgets import QMainWindow, QWidget

from napari_stem._napari.keeping.discarding import discard

if TYPE_CHECKING:
    from napari_stem._napari.state.workspace import Workspace


class AskBeforeQuitting(QObject):
    """Filters the close events of a window; it lives as long as the window.

    A program that closes its viewer is not asked: napari has hidden the canvas by then.
    """

    def __init__(self, window: QWidget, workspace: Workspace) -> None:
        super().__init__(window)
        self._workspace = workspace
        self._may_close = False
        window.installEventFilter(self)

    @property
    def _window(self) -> QWidget:
        """The window, which owns this object: held here, it would live for ever in PySide."""
        return cast("QWidget", self.parent())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Hold a close event back until the user has decided."""
        if event.type() != QEvent.Type.Close or self._may_close or not _shows_canvas(self._window):
            return False
        lost = self._workspace.unsaved_work()
        if not any(lost):
            return False
        event.ignore()
        discard(self._window, self._workspace, lost, "Close napari", self._close)
        return True

    def _close(self) -> None:
        self._may_close = True
        QTimer.singleShot(0, self._window.close)  # not while Qt is closing it


def _shows_canvas(window: QWidget) -> bool:
    centre = window.centralWidget() if isinstance(window, QMainWindow) else None
    return centre is not None and any(
        part.isVisible() for part in centre.findChildren(QWidget) if part.parent() is centre
    )
