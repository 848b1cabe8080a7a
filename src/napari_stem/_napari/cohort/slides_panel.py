"""The slides of a cohort: which value is shown, in which order, and which slides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QTimer, Signal
from qtpy.QtWidgets import QComboBox, QLineEdit, QSizePolicy

from napari_stem._napari.cohort.card_grid import CardGrid
from napari_stem._napari.cohort.scale_bar import ScaleBar
from napari_stem._napari.shell.gene_box import GeneBox
from napari_stem._napari.shell.panel import Panel, button
from napari_stem.cohort.arranging import URGENCY, SortBy, arranged
from napari_stem.cohort.choice import OFFERED, Choice
from napari_stem.prediction.statistics import STATISTICS
from napari_stem.text import counted

if TYPE_CHECKING:
    from napari_stem._napari.cohort.shelf import Shelf
    from napari_stem._napari.state.workspace import Workspace
    from napari_stem.cohort.manifest import Row

_ANY = "all states"
_TYPING = 200  # ms of rest after which a filter applies


class SlidesPanel(Panel):
    """Controls of the grid of thumbnails, and the grid."""

    heading = "Slides"
    opened = Signal(object)  # a row

    def __init__(self, workspace: Workspace, shelf: Shelf) -> None:
        super().__init__(workspace)
        self.shelf = shelf
        self._build()
        self._connect()
        self.refresh()

    def _build(self) -> None:
        self.statistic = _box(
            "What the colours of the spots show (default mean), the same in all slides."
        )
        for name in OFFERED:
            self.statistic.addItem(STATISTICS[name].label, name)
        self.gene = GeneBox("The gene that is shown. Type part of its symbol to find it.")
        self.scale = ScaleBar()
        self.by = _box("Order of the slides (default name). Of numbers the largest comes first.")
        for by in SortBy:
            self.by.addItem(by.value, by)
        self.backwards = button("⇅", "Reverse the order (default off).")
        self.backwards.setCheckable(True)
        self.backwards.setMaximumWidth(36)
        self.text = QLineEdit()
        self.text.setPlaceholderText("Search slides")
        self.text.setClearButtonEnabled(True)
        self.text.setToolTip(
            "Show only slides whose name, patient, path or reason of failure contains these words."
        )
        self.state = _box("Show only slides in this state (default all).")
        self.state.addItem(_ANY, "")
        for state in URGENCY:
            self.state.addItem(state, state)
        self.state.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.grid = CardGrid()
        self.open_button = button("Open slide", "Open the selected slide with its prediction.")
        self.add_row(self.statistic, self.gene, label="Show")
        self.add_row(self.scale)
        self.add_row(self.by, self.backwards, label="Sort by")
        self.add_row(self.text, self.state)
        self.add_row(self.note)
        self.add_row(self.grid)
        self.add_row(self.open_button)
        self._rest_timer = QTimer(self, singleShot=True, interval=_TYPING)

    def _connect(self) -> None:
        self.statistic.currentIndexChanged.connect(self._choose)
        self.gene.currentTextChanged.connect(self._choose)
        self.by.currentIndexChanged.connect(self.refresh)
        self.backwards.toggled.connect(self.refresh)
        self.text.textChanged.connect(self._await_rest)
        self._rest_timer.timeout.connect(self.refresh)
        self.state.currentIndexChanged.connect(self.refresh)
        self.grid.wanted.connect(self.shelf.want)
        self.grid.chosen.connect(self._allow)
        self.grid.opened.connect(self.opened)
        self.open_button.clicked.connect(self._open)
        self.shelf.listed.connect(self.refresh)
        self.shelf.looked.connect(self.refresh)
        self.shelf.drawn.connect(self.grid.draw)

    def _await_rest(self) -> None:
        self._rest_timer.start()

    def refresh(self) -> None:
        """Show the slides that match, in their order."""
        listing, look = self.shelf.listing, self.shelf.look
        self.setEnabled(listing is not None)
        if listing is None:
            self.note.clear()
            return
        self.gene.offer(listing.genes, self.shelf.choice.gene)
        self.gene.setEnabled(self.shelf.choice.has_gene)
        by = SortBy(self.by.currentData())  # PySide keeps a plain text
        rows = arranged(
            listing.rows, look.means if look else {}, by, backwards=self.backwards.isChecked(),
            text=self.text.text(), state=self.state.currentData(),
        )  # fmt: skip
        self.scale.show_look(look)
        self.grid.show_rows(rows, look, by)
        self.note.setText(_said(len(rows), len(listing.rows)))

    def _choose(self) -> None:
        choice = Choice(self.gene.gene or self.shelf.choice.gene, self.statistic.currentData())
        self.shelf.choose(choice)
        self.gene.setEnabled(choice.has_gene)

    def _allow(self) -> None:
        self.open_button.setEnabled(self.grid.row is not None)

    def _open(self) -> None:
        row: Row | None = self.grid.row
        if row is not None:
            self.opened.emit(row)


def _said(shown: int, total: int) -> str:
    if shown == total:
        return counted(total, "slide")
    if shown:
        return f"{shown:,} of {counted(total, 'slide')}"
    return "No slide matches. Clear the search or choose all states."


def _box(tip: str) -> QComboBox:
    made = QComboBox()
    made.setToolTip(tip)
    made.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
    return made
