"""The choice of encoders, with their features per patch, licences and weights files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
)

from napari_stem._napari.shell.choices import choose_weights, chosen_weights
from napari_stem._napari.shell.dialogs import ask_file
from napari_stem._napari.shell.panel import EDGED_BOXES, WEIGHTS_FILES, Panel, button
from napari_stem.defaults import ENCODERS
from napari_stem.features.encoders.entry import Encoder
from napari_stem.features.encoders.hub import local_weights
from napari_stem.features.encoders.registry import encoders

if TYPE_CHECKING:
    from napari_stem._napari.state.workspace import Workspace

_COMMERCIAL = {True: "allowed", False: "not allowed", None: "not stated; ask the authors"}


class TrainingEncoders(Panel):
    """A table of all encoders with check boxes; features of checked ones are concatenated."""

    heading = "Encoders"
    changed = Signal()

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self._weights = {name: str(path) for name, path in chosen_weights(encoders()).items()}
        self._build()
        self._connect()
        self._show_selected()

    def _build(self) -> None:
        self.table = QTableWidget(len(encoders()), 3)
        self.table.setHorizontalHeaderLabels(("Encoder", "Features", "Licence, access"))
        self.table.setStyleSheet(EDGED_BOXES)
        self.table.verticalHeader().hide()
        self.table.setTabKeyNavigation(False)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setToolTip(
            "Check the image encoders to use (default morphology). The features per patch of all "
            "checked encoders are concatenated."
        )
        for row, entry in enumerate(encoders().values()):
            first = QTableWidgetItem(entry.name)
            first.setFlags(first.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            first.setCheckState(_check(entry.name in ENCODERS))
            self.table.setItem(row, 0, first)
            self.table.setItem(row, 1, QTableWidgetItem(str(entry.width)))
            access = ", on request" if entry.gated else ""
            licence = QTableWidgetItem(f"{entry.licence}{access}")
            licence.setToolTip(f"Commercial use: {_COMMERCIAL[entry.commercial]}. {entry.page}")
            self.table.setItem(row, 2, licence)
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(2, QHeaderView.ResizeMode.Stretch)
        self.weights_button = button(
            "Weights file…",
            "Choose a local weights file for the selected encoder. It is used instead of a "
            "download.",
        )
        self.add_row(self.table)
        self.add_row(self.weights_button)
        self.add_row(self.note)

    def _connect(self) -> None:
        self.table.itemChanged.connect(self._change)
        self.table.itemSelectionChanged.connect(self._show_selected)
        self.weights_button.clicked.connect(self._ask)

    def encoders(self) -> tuple[str, ...]:
        """Names of the checked encoders."""
        names = (self.table.item(row, 0) for row in range(self.table.rowCount()))
        return tuple(item.text() for item in names if item.checkState() == Qt.CheckState.Checked)

    def weights(self) -> dict[str, str]:
        """Local weight files of checked encoders."""
        return {name: self._weights[name] for name in self.encoders() if name in self._weights}

    def problem(self) -> str:
        """What is missing, "" if nothing."""
        return "" if self.encoders() else "Check at least one encoder."

    def _change(self) -> None:
        self._show_selected()
        self.changed.emit()

    def _selected(self) -> str:
        items = self.table.selectedItems()
        return str(self.table.item(items[0].row(), 0).text()) if items else ""

    def _show_selected(self) -> None:
        name = self._selected()
        entry = encoders().get(name)
        self.weights_button.setEnabled(entry is not None and entry.source != "built-in")
        needed = [
            f"{name}: {hint}"
            for name in self.encoders()
            if name not in self._weights and (hint := _how_to_get(encoders()[name]))
        ]
        lines = [f"{name}: {Path(path).name}" for name, path in self.weights().items()]
        self.note.setText("\n".join(needed + lines))

    def _ask(self) -> None:
        name = self._selected()
        path = ask_file(self, self.workspace, f"Weights of {name}", "weights", WEIGHTS_FILES)
        if path:
            self._weights[name] = str(path)
            choose_weights(name, path)
            self._change()


def _how_to_get(encoder: Encoder) -> str:
    """How to get the weights of an encoder, "" if they are here or can be downloaded."""
    if encoder.source.startswith("hf:"):
        if not encoder.gated or local_weights(encoder) is not None:
            return ""
        page = encoder.page.removeprefix("https://")
        return f"request access at {page}, or choose its weights file."
    return f"get its file at {encoder.page} and choose it." if encoder.page else ""


def _check(on: bool) -> Qt.CheckState:
    return Qt.CheckState.Checked if on else Qt.CheckState.Unchecked
