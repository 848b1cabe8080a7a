"""The choice of genes to train on, with their number and those that are missing."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QPlainTextEdit
from superqt.utils import qdebounced

from napari_stem._napari.shell.dialogs import ask_file
from napari_stem._napari.shell.form import Form
from napari_stem._napari.shell.panel import Panel, button, complain
from napari_stem._napari.shell.worker import Job, start
from napari_stem._napari.train import tasks
from napari_stem.options import options_of
from napari_stem.text import a_few, counted
from napari_stem.training.plan import PanelChoice

if TYPE_CHECKING:
    from pathlib import Path

    from anndata import AnnData

    from napari_stem._napari.state.workspace import Workspace
    from napari_stem._napari.train.tasks import FoundPanel

_NO_COLUMN = {"": "no annotation column"}
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
        self._held_out: list[AnnData] = []
        self._found: FoundPanel | None = None
        self._job: Job | None = None
        self._again = False
        self._changed = False  # since the job began
        self._count_soon = qdebounced(self._count, timeout=_PATIENCE_MS, parent=self)
        self._build()
        self._connect()
        self._show_kind()

    def _build(self) -> None:
        options = options_of(PanelChoice)
        options["by"] = replace(options["by"], choices=_NO_COLUMN)  # until sections name some
        self.form = Form(options, {"n": self.workspace.last.panel_size})
        self.kind, self.number, self.column = (self.form[name] for name in ("select", "n", "by"))
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
        for control in (self.kind, self.number, self.column, self.typed):
            self.add_row(control)
        self.add_row(self.file_button, self.drop_button)
        self.add_row(self.note)
        self._grid.setRowStretch(self._grid.rowCount(), 1)

    def _connect(self) -> None:
        for signal in (self.form.changed, self.typed.textChanged):
            signal.connect(self._recount)
        self.form.changed.connect(self._show_kind)
        self.file_button.clicked.connect(self._ask_file)
        self.drop_button.clicked.connect(self._drop_missing)

    def choice(self) -> PanelChoice:
        """How the genes are selected."""
        chosen = self.form.value(PanelChoice)
        return replace(chosen, genes=tuple(self._typed())) if chosen.select == "list" else chosen

    def problem(self) -> str:
        """Why one cannot train on these genes, "" if one can."""
        if self._found is None:
            return "The genes are still being selected."
        return f"Genes: {self._found.problem}" if self._found.problem else ""

    def read(self, path: Path) -> None:
        """Fill the list with the genes of a file."""
        job = start(tasks.read_genes(path), self)
        job.result.connect(lambda genes: self.typed.setPlainText(" ".join(genes)))
        job.failed.connect(partial(complain, self.note))

    def take_tables(self, tables: list[AnnData], held_out: list[AnnData]) -> None:
        """Select genes on the spots of these sections, among those that all have measured."""
        former = [*self._tables, None, *self._held_out]
        if list(map(id, [*tables, None, *held_out])) != list(map(id, former)):
            self._tables, self._held_out = tables, held_out
            self._recount()

    def _typed(self) -> list[str]:
        words = re.split(r"[\s,;]+", self.typed.toPlainText())
        return list(dict.fromkeys(word for word in words if word))

    def _show_kind(self) -> None:
        chosen = self.form.values()["select"]
        self.number.setVisible(chosen != "list")
        self.number.setPrefix("at most " if chosen == "deg" else "")
        self.number.setSuffix(" genes per region" if chosen == "deg" else " genes")
        self.column.setVisible(chosen == "deg")
        for part in (self.typed, self.file_button, self.drop_button):
            part.setVisible(chosen == "list")

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
            self._job = start(tasks.find_panel(self.choice(), self._tables, self._held_out), self)
            self._job.result.connect(self._take)
            self._job.failed.connect(self._fail)
            self._job.ended.connect(self._rest)

    def _take(self, found: FoundPanel) -> None:
        if not self._changed:
            self._offer(found.columns)  # the first one may be chosen, which is a change
        if self._changed:
            return  # this selection is out of date
        self._found = found
        self.drop_button.setEnabled(bool(found.missing))
        self.note.setText(_words(found))
        self.changed.emit()

    def _fail(self, error: Exception) -> None:
        self.note.clear()
        complain(self.note, error)

    def _rest(self) -> None:
        self._job = None
        if self._again:
            self._recount()

    def _offer(self, columns: dict[str, int]) -> None:
        named = {name: f"{name} ({counted(n, 'region')})" for name, n in columns.items()}
        self.form.offer("by", named or _NO_COLUMN)

    def _drop_missing(self) -> None:
        assert self._found is not None  # otherwise the button is disabled
        missing = set(self._found.missing)
        self.typed.setPlainText(" ".join(gene for gene in self._typed() if gene not in missing))

    def _ask_file(self) -> None:
        if path := ask_file(self, self.workspace, "Open a list of genes", "genes", _FILES):
            self.read(path)


def _words(found: FoundPanel) -> str:
    if found.problem:
        return f"⚠ {found.problem}"
    return f"<b>{counted(len(found.genes), 'gene')}</b>: {a_few(found.genes, most=_NAMED)}"
