"""The choice of a marker set, and a menu to import or save one."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QInputDialog,
    QLabel,
    QMenu,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)
from superqt.utils import signals_blocked

from napari_stem._napari.results import tasks
from napari_stem._napari.shell.dialogs import ask_file
from napari_stem._napari.shell.panel import button, complain
from napari_stem._napari.shell.worker import start

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from napari_stem._napari.state.workspace import Workspace
    from napari_stem.events import Events
    from napari_stem.genes.markers import MarkerSet

_ALL = "All genes"
_TIP = Qt.ItemDataRole.ToolTipRole
_FILES = "Gene lists (*.txt *.csv *.tsv);;All files (*)"


class MarkerBox(QWidget):
    """A box of marker sets; its button imports a set, or saves the selected genes as one."""

    chosen = Signal(object)  # genes, or None for all

    def __init__(
        self,
        workspace: Workspace,
        selected: Callable[[], Sequence[str]],
        parent: QWidget | None = None,
        *,
        everything: str = _ALL,
    ) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._selected = selected
        self.box = QComboBox()
        self.box.addItem(everything)
        self.box.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.box.setToolTip("Show only the marker genes of a set (default all genes).")
        self.menu_button = button("…", "Import a marker set, or save the selected genes as one.")
        self.menu_button.setMaximumWidth(36)
        menu = QMenu(self.menu_button)
        menu.addAction("Import marker set…", self._ask_file)
        menu.addAction("Save selected genes as marker set…", self._ask_name)
        self.menu_button.setMenu(menu)
        self.note = QLabel()  # why a set was not imported or saved
        self.note.setWordWrap(True)
        self.note.hide()
        row = QHBoxLayout()
        row.addWidget(self.box, 1)
        row.addWidget(self.menu_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(row)
        column.addWidget(self.note)
        self.box.currentIndexChanged.connect(self._tell)
        self._list()

    def import_file(self, path: Path) -> None:
        """Import the genes of a file as a marker set and choose it."""
        self._make(tasks.import_marker_set(path))

    def save_selected(self, name: str) -> None:
        """Save the selected genes as a marker set and choose it."""
        self._make(tasks.save_marker_set(name, self._selected()))

    def _make(self, source: Events[MarkerSet]) -> None:
        self.note.hide()
        job = start(source, self)
        job.result.connect(self._list_and_choose)
        job.failed.connect(partial(complain, self.note))

    def _list_and_choose(self, made: MarkerSet) -> None:
        self._list(made.name)

    def _list(self, choose: str | None = None) -> None:
        def fill(sets: list[MarkerSet]) -> None:
            name = choose or self.box.currentText()
            with signals_blocked(self.box):
                self._replace(sets)
            self.box.setCurrentIndex(max(0, self.box.findText(name)))

        start(tasks.read_marker_sets(), self).result.connect(fill)

    def _replace(self, sets: list[MarkerSet]) -> None:
        while self.box.count() > 1:
            self.box.removeItem(1)
        for row, found in enumerate(sets, start=1):
            self.box.addItem(found.name, found.genes)
            about = found.problem or f"{', '.join(found.genes)}\n{found.source}"
            self.box.setItemData(row, about, _TIP)
            if found.problem:
                self.box.setItemText(row, f"{found.name} (unreadable)")
                self.box.model().item(row).setEnabled(False)

    def _ask_file(self) -> None:
        if path := ask_file(self, self._workspace, "Import a marker set", "markers", _FILES):
            self.import_file(path)

    def _ask_name(self) -> None:
        name, agreed = QInputDialog.getText(self, "Save marker set", "Name of the set")
        if agreed:
            self.save_selected(name)

    def _tell(self, row: int) -> None:
        self.chosen.emit(self.box.itemData(row))
