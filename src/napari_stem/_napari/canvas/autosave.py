"""Saves the session of a window by itself, so that a crash loses a minute of work at most."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast
from weakref import ref

from qtpy.QtCore import QEvent, QObject, QTimer

from napari_stem._napari.keeping.autosaves import Claim, claim_new
from napari_stem._napari.keeping.open_slides import open_slides
from napari_stem._napari.keeping.session_folder import OpenSlide, SessionFolder
from napari_stem._napari.shell.docks import is_open
from napari_stem._napari.shell.page import listen
from napari_stem._napari.shell.worker import Job, start

if TYPE_CHECKING:
    from napari.viewer import Viewer
    from qtpy.QtWidgets import QWidget

    from napari_stem._napari.state.workspace import Workspace
    from napari_stem.events import Events

_SOON, _PAUSE = 5.0, 60.0  # seconds from a change to its save, and between two saves


class Autosave(QObject):
    """Writes what no file of the user holds; removed when the window closes. It lives as long."""

    def __init__(self, window: QWidget, viewer: Viewer, workspace: Workspace) -> None:
        super().__init__(window)
        self._viewer = ref(viewer)
        self._workspace = workspace
        self._place = _Place()
        self._opened: list[Claim] = []  # sessions that are a part of this one
        self._job: Job | None = None  # which saves
        self._last_time = -_PAUSE
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._save)
        self._closing = QTimer(self)  # which ends with the window, if it closes
        self._closing.setSingleShot(True)
        self._closing.timeout.connect(self._go_on_if_open)
        for name in ("slides", "results", "result", "clusters", "groups", "points", "regions"):
            listen(self, workspace.events[name], self._note_change)
        listen(self, workspace.run.events.request, self._note_change)
        window.installEventFilter(self)

    def take_over(self, opened: Claim) -> None:
        """Remove the folder of a session that was opened here, once it is saved again."""
        self._opened.append(opened)
        self._note_change()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Forget the session when the window closes, after whoever asks before."""
        if event.type() == QEvent.Type.Close:
            self._forget()
            self._closing.start(0)
        return False

    def _go_on_if_open(self) -> None:
        """Save again if the user chose not to close, when napari asked."""
        if cast("QWidget", self.parent()).isVisible():
            self._note_change()

    def _note_change(self) -> None:
        if not self._timer.isActive():
            pause = self._last_time + _PAUSE - time.monotonic()
            self._timer.start(round(1000 * max(_SOON, pause)))

    def _save(self) -> None:
        viewer = self._viewer()
        if viewer is None or not is_open(viewer):
            return
        if self._job is not None:
            self._note_change()
            return
        slides = open_slides(self._workspace)
        if not any(one.has_work for one in slides):
            self._forget()
            return
        self._last_time = time.monotonic()
        self._job = job = start(self._place.write(slides), self)
        job.result.connect(self._remove_opened)
        job.ended.connect(self._rest)

    def _rest(self) -> None:
        self._job = None

    def _remove_opened(self) -> None:
        for claim in self._opened:
            claim.remove()
        self._opened = []

    def _forget(self) -> None:
        self._timer.stop()
        if self._job is not None:
            self._job.stop()
        self._remove_opened()
        self._place.forget()


class _Place:
    """Where a window saves: a folder made at the first save, whose thread must hold no window."""

    def __init__(self) -> None:
        self._folder: tuple[Claim, SessionFolder] | None = None

    def write(self, slides: Sequence[OpenSlide]) -> Events[object]:
        if self._folder is None:
            claim = claim_new()
            self._folder = claim, SessionFolder(claim.path)
        return (yield from self._folder[1].save(slides))

    def forget(self) -> None:
        if self._folder is not None:
            self._folder[0].remove()
            self._folder = None
