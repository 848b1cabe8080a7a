"""The choice of genes to train on, with their number and those that are missing."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QFileDialog, QPlainTextEdit, QSpinBox
from superqt.utils import qdebounced

from napari_stem._napari.shell.panel import Panel, button
from napari_stem._napari.shell.remembered import remember, remembered
from napari_stem._napari.shell.worker import Job, start
from napari_stem._napari.train import tasks
from napari_stem.defaults import Selection
from napari_stem.text import a_few, counted
from napari_stem.training.plan import PanelChoice

if TYPE_CHECKING:
    from anndata import AnnData

    from napari_stem._napari.state.workspace import Workspace
    from napari_stem._napari.train.tasks import FoundPanel

_KINDS: dict[str, Selection] = {
    "High mean and variance (HMHVG)": "hmhvg",
    "Highly variable (HVG)": "hvg",
    "Differential by region (DEG)": "deg",
    "List of genes": "list",
}
_PATIENCE_MS = 400  # between the last change and the selection of genes
_NAMED = 12
_FILES = "Gene lists (*.txt *.csv *.tsv)"


class TrainingGenes(Panel):
    """HMHVG, HVG, DEG or a list; the genes are selected again at each change."""

    heading = "Genes"
    changed = Signal()

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self._tables: list[AnnData] = []
        self._found: FoundPanel | None = None
        self._job: Job | None = None
        self._again = False
        self._changed = False  # since the job began
        self._count_soon = qdebounced(self._count, timeout=_PATIENCE_MS, parent=self)
        self._build()
        self._connect()
        self._show_kind()

    def _build(self) -> None:
        self.kind = QComboBox()
        for text, select in _KINDS.items():
            self.kind.addItem(text, select)
        self.kind.setToolTip(
            "How to select genes (default HMHVG, as in the paper). HVG takes the highest mean "
            "among highly variable genes. Mitochondrial and ribosomal genes are excluded."
        )
        self.number = QSpinBox()
        self.number.setRange(1, 20_000)
        self.number.setValue(remembered("panel_size", 300))
        self.number.setSuffix(" genes")
        self.number.setToolTip(
            "Number of genes to train on (default 300). For DEG, the number per region."
        )
        self.column = QComboBox()
        self.column.setToolTip("Annotation column (AnnData obs) with the region of each spot.")
        self.typed = QPlainTextEdit()
        self.typed.setPlaceholderText("EPCAM, COL1A1, CD3E …")
        self.typed.setToolTip(
            "Gene symbols, separated by spaces, commas or new lines. Old symbols are found by the "
            "table of gene symbols in File > Preferences > Stem."
        )
        self.typed.setMaximumHeight(110)
        self.typed.setTabChangesFocus(True)
        self.file_button = button(
            "From file…", "Read gene symbols from the first column of a text or CSV file."
        )
        self.drop_button = button(
            "Remove missing", "Remove the genes that at least one section lacks."
        )
        self.add_row(self.kind)
        self.add_row(self.number)
        self.add_row(self.column)
        self.add_row(self.typed)
        self.add_row(self.file_button, self.drop_button)
        self.add_row(self.note)
        self._grid.setRowStretch(self._grid.rowCount(), 1)

    def _connect(self) -> None:
        self.kind.currentIndexChanged.connect(self._show_kind)
        for signal in (
            self.kind.currentIndexChanged,
            self.number.valueChanged,
            self.column.activated,
            self.typed.textChanged,
        ):
            signal.connect(self._recount)
        self.file_button.clicked.connect(self._ask_file)
        self.drop_button.clicked.connect(self._drop_missing)

    def choice(self) -> PanelChoice:
        """How the genes are selected."""
        return PanelChoice(
            self.kind.currentData(), self.number.value(), self.column.currentData() or "",
            tuple(self._typed()) if self.kind.currentData() == "list" else (),
        )  # fmt: skip

    def problem(self) -> str:
        """Why one cannot train on these genes, "" if one can."""
        if self._found is None:
            return "The genes are still being selected."
        return f"Genes: {self._found.problem}" if self._found.problem else ""

    def take_tables(self, tables: list[AnnData]) -> None:
        """Select genes on the spots of these sections from now on."""
        if [id(table) for table in tables] != [id(table) for table in self._tables]:
            self._tables = tables
            self._recount()

    def _typed(self) -> list[str]:
        words = re.split(r"[\s,;]+", self.typed.toPlainText())
        return list(dict.fromkeys(word for word in words if word))

    def _show_kind(self) -> None:
        select = self.kind.currentData()
        self.number.setVisible(select != "list")
        self.number.setPrefix("at most " if select == "deg" else "")
        self.number.setSuffix(" genes per region" if select == "deg" else " genes")
        self.column.setVisible(select == "deg")
        for part in (self.typed, self.file_button, self.drop_button):
            part.setVisible(select == "list")

    def _recount(self) -> None:
        self._found = None
        self._changed = True
        self.note.setText("Selecting genes…" if self._tables else "Add a section first.")
        self._count_soon()
        self.changed.emit()

    def _count(self) -> None:
        if not self._tables:
            return
        self._again = self._job is not None  # one at a time
        if self._job is None:
            self._changed = False
            self._job = start(tasks.find_panel(self.choice(), self._tables), self)
            self._job.result.connect(self._take)
            self._job.ended.connect(self._rest)

    def _take(self, found: FoundPanel) -> None:
        if self._changed:
            return  # this selection is out of date
        counted = self.choice()
        self._fill_columns(found.columns)
        if self.choice() != counted:
            self._again = True  # the annotation columns were not known before
            return
        self._found = found
        self.drop_button.setEnabled(bool(found.missing))
        self.note.setText(_words(found))
        self.changed.emit()

    def _rest(self) -> None:
        self._job = None
        if self._again:
            self._recount()

    def _fill_columns(self, columns: dict[str, int]) -> None:
        chosen = self.column.currentData()
        self.column.clear()
        for name, regions in columns.items():
            self.column.addItem(f"{name} ({counted(regions, 'region')})", name)
        if not columns:
            self.column.addItem("no annotation column", "")
        self.column.setCurrentIndex(max(0, self.column.findData(chosen)))

    def _drop_missing(self) -> None:
        assert self._found is not None  # otherwise the button is disabled
        missing = set(self._found.missing)
        self.typed.setPlainText(" ".join(gene for gene in self._typed() if gene not in missing))

    def _ask_file(self) -> None:
        folder = remembered("panel_folder", "")
        path, _ = QFileDialog.getOpenFileName(self, "Open a list of genes", folder, _FILES)
        if path:
            remember(panel_folder=str(Path(path).parent))
            job = start(tasks.read_genes(Path(path)), self)
            job.result.connect(lambda genes: self.typed.setPlainText(" ".join(genes)))


def _words(found: FoundPanel) -> str:
    if found.problem:
        return f"⚠ {found.problem}"
    return f"<b>{counted(len(found.genes), 'gene')}</b>: {a_few(found.genes, most=_NAMED)}"
