"""The Sessions panel: opens the session of a crash again, and those that were saved."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import ref

from napari_stem._napari.canvas.attach import autosave_of
from napari_stem._napari.files.sessions import Opened, open_session, read, recent, take_session
from napari_stem._napari.keeping.autosaves import Claim, claim_of, left_behind
from napari_stem._napari.keeping.session_folder import INDEX, read_index
from napari_stem._napari.shell.dialogs import is_wanted
from napari_stem._napari.shell.panel import Panel, button, complain, menu_button
from napari_stem.errors import StemError
from napari_stem.text import counted

if TYPE_CHECKING:
    from napari.viewer import Viewer

    from napari_stem._napari.state.workspace import Workspace


class SessionsPanel(Panel):
    """Shown while there is a session of a crash, or before a slide is open."""

    heading = "Sessions"

    def __init__(self, viewer: Viewer, workspace: Workspace) -> None:
        super().__init__(workspace)
        self._viewer = ref(viewer)
        self._left = left_behind()
        self._build()
        self._connect()
        self.refresh()

    def _build(self) -> None:
        self.open_button = button("Open it", "Open the slides of that session beside others.")
        self.discard_button = button("Discard", "Remove that session.")
        self.recent_button = menu_button("Open recent", "Open a session that was saved.")
        self.add_row(self.note)
        self.add_row(self.open_button, self.discard_button)
        self.add_row(self.recent_button)

    def _connect(self) -> None:
        self.open_button.clicked.connect(self._open)
        self.discard_button.clicked.connect(self._discard)
        self.recent_button.menu().aboutToShow.connect(self._list_recent)
        self.follow("slides")

    def refresh(self) -> None:
        if self.is_busy:
            return  # it is refreshed again at its end
        may_open = not self.workspace.slides and bool(recent())
        self.setVisible(may_open or bool(self._left))
        self.recent_button.setVisible(may_open)
        for part in (self.note, self.open_button, self.discard_button):
            part.setVisible(bool(self._left))
        if self._left:
            self.note.setText(_about(self._left[0]))

    def _open(self) -> None:
        folder = self._left.pop(0)
        if claim := claim_of(folder):
            self.run(read(folder), "Reading the session…", partial(self._take, claim))
        else:
            self.refresh()  # another window has opened it

    def _take(self, claim: Claim, opened: Opened) -> None:
        if (viewer := self._viewer()) is not None:
            take_session(viewer, opened, is_saved=False)
            autosave_of(viewer).take_over(claim)

    def _discard(self) -> None:
        question = f"{_about(self._left[0])} Discard it?"
        if is_wanted(self, "Discard session", question):
            if claim := claim_of(self._left.pop(0)):
                claim.remove()
            self.refresh()

    def _list_recent(self) -> None:
        menu = self.recent_button.menu()
        menu.clear()
        for folder in recent():
            menu.addAction(folder.name, partial(self._open_recent, folder)).setToolTip(str(folder))

    def _open_recent(self, folder: Path) -> None:
        if (viewer := self._viewer()) is not None:
            open_session(viewer, folder).failed.connect(partial(complain, self.note))


def _about(folder: Path) -> str:
    """When a session ended, and what it holds."""
    try:
        slides = read_index(folder)
    except StemError:
        slides = []
    results = sum(len(one["results"]) for one in slides)
    return (
        f"napari ended without closing a session{_when(folder)}: "
        f"{counted(len(slides), 'slide')}, {counted(results, 'result')}."
    )


def _when(folder: Path) -> str:
    """The time in brackets; "" where a wrong clock wrote one that no calendar has."""
    try:
        ended = datetime.fromtimestamp((folder / INDEX).stat().st_mtime).astimezone()
    except (OSError, OverflowError, ValueError):
        return ""
    return f" ({ended:%d %b, %H:%M})"
