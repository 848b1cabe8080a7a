"""Which cohort is open, how it stands, and a page about it."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, QUrl
from qtpy.QtWidgets import QLabel

from napari_stem._napari.cohort import tasks
from napari_stem._napari.shell.dialogs import ask_folder, ask_save
from napari_stem._napari.shell.panel import Panel, button
from napari_stem.cohort.arranging import said_of

if TYPE_CHECKING:
    from pathlib import Path

    from napari_stem._napari.cohort.shelf import Shelf
    from napari_stem._napari.state.workspace import Workspace

_EMPTY = (
    "Open the folder that napari-stem cohort … --out wrote. It may still be running: what it "
    "finishes appears here."
)


class FolderPanel(Panel):
    """Opens the folder of a cohort, and writes the summary report."""

    heading = "Cohort"

    def __init__(self, workspace: Workspace, shelf: Shelf) -> None:
        super().__init__(workspace)
        self.shelf = shelf
        self._said = ""
        self.open_button = button("Open cohort…", "Choose the folder of a cohort's results.")
        self.report_button = button(
            "Summary report…",
            "Write a page (.html): all slides in a table, and the gene on each of them in the same "
            "colours.",
        )
        self.written = QLabel()
        self.written.setWordWrap(True)
        self.written.setOpenExternalLinks(True)
        self.written.setToolTip("Click to show the page in the browser.")
        self.written.setTextInteractionFlags(Qt.TextInteractionFlag.LinksAccessibleByMouse)
        self.add_row(self.open_button, self.report_button)
        self.add_row(self.note)
        self.add_row(self.written)
        self.open_button.clicked.connect(self._ask_folder)
        self.report_button.clicked.connect(self._ask_report)
        shelf.listed.connect(self.refresh)
        shelf.told.connect(self._tell)
        self.refresh()

    def open(self, folder: Path) -> None:
        """Open the cohort of a folder."""
        self._show_written(None)
        self.shelf.open(folder)

    def write(self, path: Path) -> None:
        """Write the summary report, with the gene that is shown."""
        listing = self.shelf.listing
        assert listing is not None  # otherwise the button is disabled
        self._show_written(None)
        source = tasks.write_report(listing.folder, path, self.shelf.choice.gene)
        self.run(source, f"Writing {path.name}…", self._show_written)

    def refresh(self) -> None:
        """Show which cohort is open, and what is being read."""
        if self.is_busy:
            return  # it is refreshed again at its end
        listing = self.shelf.listing
        self.report_button.setEnabled(listing is not None)
        known = _EMPTY
        if listing is not None:
            known = f"{listing.folder.name}: {said_of(listing.rows)}"
        self.note.setText(f"{known}\n{self._said}".strip())
        self.note.setToolTip("" if listing is None else str(listing.folder))

    def _tell(self, text: str) -> None:
        self._said = text
        self.refresh()

    def _show_written(self, path: Path | None) -> None:
        self.written.setVisible(path is not None)
        if path is not None:
            link = html.escape(QUrl.fromLocalFile(str(path)).toString(), quote=True)
            self.written.setText(f'Wrote <a href="{link}">{html.escape(path.name)}</a>')

    def _ask_folder(self) -> None:
        if folder := ask_folder(self, self.workspace, "Open a cohort", "cohort"):
            self.open(folder)

    def _ask_report(self) -> None:
        assert self.shelf.listing is not None  # otherwise the button is disabled
        proposal = self.shelf.listing.folder / "summary.html"
        path = ask_save(self, "Write summary report", proposal, kind="Page", suffix=".html")
        if path is not None:
            self.write(path)
