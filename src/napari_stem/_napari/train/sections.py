"""The sections to train on: a table to add, check and preview them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QAbstractItemView,
    QDoubleSpinBox,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QSplitter,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)
from superqt.utils import signals_blocked

from napari_stem._napari.predict.bin_choice import BinChoice
from napari_stem._napari.shell.dialogs import ask_file, ask_files, ask_folder
from napari_stem._napari.shell.hints import by_names
from napari_stem._napari.shell.panel import SLIDE_FILES, button, complain
from napari_stem._napari.shell.remembered import symbols
from napari_stem._napari.shell.scale import scale_refusal
from napari_stem._napari.shell.worker import message_of, start
from napari_stem._napari.train import tasks
from napari_stem._napari.train.alignment_preview import AlignmentPreview
from napari_stem.slides.suffixes import SLIDES
from napari_stem.training.plan import SectionSource

if TYPE_CHECKING:
    from anndata import AnnData

    from napari_stem._napari.state.workspace import Workspace
    from napari_stem.training.preflight import SectionCheck

_COLUMNS = ("Section", "Spots", "Genes", "Counts", "µm/px", "Status")
_TIPS = (
    "Folder or spot table",
    "Number of measured spots",
    "Number of measured genes",
    "Median of the total counts per spot",
    "Scale of the slide",
    "Whether the section can be used for training",
)
_TABLES = "Spots with counts (*.h5ad);;All files (*)"
_WIDTHS = (120, 52, 60, 64, 72)
_READING = "reading…"
_SEE = "Select a section to see its spots on the slide."
_NO_SCALE = "The slide states no scale. Type its µm/px below."


class TrainingSections(QWidget):
    """A table with one row per section, a preview of the selected one, and its corrections."""

    changed = Signal()

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._rows: list[tuple[SectionSource, SectionCheck | None]] = []
        self._physical = True
        self._build()
        self._connect()
        self._show_selected()

    def _build(self) -> None:
        self.folder_button = button(
            "Add folder…",
            "Add a folder with slide, spots and counts. Of a folder of sections, or a HEST data "
            "set, all sections are added.",
        )
        self.file_button = button("Add file…", "Add spots with counts (.h5ad) next to their slide.")
        self.remove_button = button("Remove", "Remove the selected section from the list.")
        self.image_button = button("Slide…", "Choose the slide of the selected section.")
        self.bins = BinChoice()
        self.mpp = QDoubleSpinBox()
        self.mpp.setRange(0, 1_000_000)  # what is too much is refused with a reason
        self.mpp.setDecimals(4)
        self.mpp.setSuffix(" µm/px")
        self.mpp.setSpecialValueText("scale of slide")
        self.mpp.setKeyboardTracking(False)
        self.mpp.setToolTip(
            "Scale of the selected section in µm per pixel (default: the scale that its slide "
            "states)."
        )
        self.table = QTableWidget(0, len(_COLUMNS))
        self.table.setHorizontalHeaderLabels(_COLUMNS)
        for column, tip in enumerate(_TIPS):
            self.table.horizontalHeaderItem(column).setToolTip(tip)
        for column, width in enumerate(_WIDTHS):
            self.table.setColumnWidth(column, width)
        self.table.horizontalHeader().setSectionResizeMode(5, QHeaderView.ResizeMode.Stretch)
        self.table.verticalHeader().hide()
        self.table.setTabKeyNavigation(False)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.problem_note = QLabel()
        self.problem_note.setWordWrap(True)
        self.problem_note.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.preview = AlignmentPreview()
        buttons = QHBoxLayout()
        for part in (self.folder_button, self.file_button, self.remove_button):
            buttons.addWidget(part)
        buttons.addStretch()
        for part in (self.bins, self.image_button, self.mpp):
            buttons.addWidget(part)
        left = QWidget()
        column_ = QVBoxLayout(left)
        column_.setContentsMargins(0, 0, 0, 0)
        column_.addWidget(self.table)
        column_.addWidget(self.problem_note)
        column_.addLayout(buttons)
        splitter = QSplitter()
        splitter.addWidget(left)
        splitter.addWidget(self.preview)
        splitter.setSizes([640, 300])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(splitter)

    def _connect(self) -> None:
        self.folder_button.clicked.connect(self._ask_folder)
        self.file_button.clicked.connect(self._ask_files)
        self.remove_button.clicked.connect(self._remove)
        self.image_button.clicked.connect(self._ask_image)
        self.mpp.valueChanged.connect(self._rescale)
        self.bins.chosen.connect(self._rebin)
        self.table.itemSelectionChanged.connect(self._show_selected)

    @property
    def sources(self) -> tuple[SectionSource, ...]:
        """Paths and corrections of the sections."""
        return tuple(source for source, _ in self._rows)

    def tables(self, held_out: Collection[str]) -> tuple[list[AnnData], list[AnnData]]:
        """Spot tables of the usable sections to train on, and of those that are held out."""
        usable = [
            (source.path, found) for source, found in self._rows if found and not found.problem
        ]
        training, tested = (
            [found.spots for path, found in usable if (path in held_out) is unseen]
            for unseen in (False, True)
        )
        return training, tested

    def need_scale(self, physical: bool) -> None:
        """Tell whether patches have a width in µm, for which all slides need a scale."""
        if physical != self._physical:
            self._physical = physical
            for row in range(len(self._rows)):
                self._fill(row)
            self._show_selected()

    def problem(self) -> str:
        """Why one cannot train on these sections, "" if one can."""
        if not self._rows:
            return "Add at least one section."
        for source, found in self._rows:
            if found is None:
                return f"{source.name} is still being read."
            if problem := self._problem_in(found):
                return f"{source.name} cannot be used: {problem}"
        return ""

    def add(self, paths: Iterable[str]) -> None:
        """Add sections and check them."""
        known = {source.path for source in self.sources}
        for path in paths:
            if path not in known:
                source = SectionSource(path, _slide_beside(Path(path)), symbols=symbols())
                self._rows.append((source, None))
                self.table.insertRow(len(self._rows) - 1)
                self._inspect(len(self._rows) - 1)
        if self._rows and not self.table.selectedItems():
            self.table.selectRow(0)

    def _inspect(self, row: int) -> None:
        source = self._rows[row][0]
        self._rows[row] = source, None
        self._fill(row)
        job = start(tasks.inspect(source), self)
        job.result.connect(self._take)
        job.failed.connect(partial(self._fail, source))
        self.changed.emit()

    def _fail(self, source: SectionSource, error: Exception) -> None:
        from napari_stem.training.preflight import SectionCheck  # with torch, loaded by the task

        self._take(SectionCheck(source, message_of(error)))

    def _take(self, found: SectionCheck) -> None:
        for row, (source, _) in enumerate(self._rows):
            if source == found.source:  # not removed or changed meanwhile
                self._rows[row] = source, found
                self._fill(row)
                self._show_selected()
        self.changed.emit()

    def _fill(self, row: int) -> None:
        source, found = self._rows[row]
        texts = [source.name, "", "", "", "", _READING]
        if found is not None:
            if found.spots is not None:
                texts[1:3] = f"{found.spots.n_obs:,}", f"{found.spots.n_vars:,}"
                texts[4] = f"{found.mpp:.3f}" if found.mpp else "unknown"
            texts[3] = f"{found.depth:,.0f}" if found.depth else ""
            problem = self._problem_in(found)
            texts[5] = f"⚠ {problem}" if problem else "ready"
        for column, text in enumerate(texts):
            item = QTableWidgetItem(text)
            item.setToolTip(source.path if column == 0 else text)
            if 0 < column < 5:
                item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            self.table.setItem(row, column, item)

    def _problem_in(self, found: SectionCheck) -> str:
        return by_names(found.problem) or (
            _NO_SCALE if self._physical and found.mpp is None else ""
        )

    def _selected(self) -> int:
        return self.table.currentRow() if self.table.selectedItems() else -1

    def _show_selected(self) -> None:
        row = self._selected()
        for part in (self.remove_button, self.image_button, self.mpp):
            part.setEnabled(row >= 0)
        source, found = self._rows[row] if row >= 0 else (None, None)
        self.preview.show_section(found, _SEE if row < 0 else "")
        self.bins.offer(found.spots if found else None)
        self.problem_note.setText(self._problem_in(found) if found else "")
        self.problem_note.setVisible(bool(self.problem_note.text()))
        scale = (source and source.mpp) or 0
        if self.mpp.value() != scale:  # else a scale that is being typed would be wiped
            with signals_blocked(self.mpp):
                self.mpp.setValue(scale)

    def _remove(self) -> None:
        row = self._selected()
        with signals_blocked(self.table):  # the selection moves before the row is gone
            self.table.removeRow(row)
        del self._rows[row]
        self._show_selected()
        self.changed.emit()

    def _change(self, **changes: object) -> None:
        row = self._selected()
        source, _ = self._rows[row]
        self._rows[row] = replace(source, **changes), None  # type: ignore[arg-type]
        self._inspect(row)

    def _rescale(self, mpp: float) -> None:
        if refusal := scale_refusal(mpp):
            self._show_selected()
            self.problem_note.setText(refusal)
            self.problem_note.show()
        else:
            self._change(mpp=mpp or None)

    def _rebin(self, _: Path, bin_um: int) -> None:
        self._change(bin_um=float(bin_um))

    def _ask_folder(self) -> None:
        if path := ask_folder(self, self._workspace, "Add sections", "sections"):
            job = start(tasks.find_sections(path), self)
            job.result.connect(self.add)
            job.failed.connect(partial(complain, self.problem_note))

    def _ask_files(self) -> None:
        if paths := ask_files(self, self._workspace, "Add sections", "sections", _TABLES):
            self.add(map(str, paths))

    def _ask_image(self) -> None:
        source = self._rows[self._selected()][0]
        title, near = f"Slide of {source.name}", Path(source.path)
        if path := ask_file(self, self._workspace, title, "slide", SLIDE_FILES, near=near):
            self._change(image=str(path))


def _slide_beside(path: Path) -> str:
    """The image with the name of a spot table in its folder, "" if there is none."""
    if not path.is_file():
        return ""
    found = [p for p in sorted(path.parent.glob(f"{path.stem}.*")) if p.suffix.lower() in SLIDES]
    return str(found[0]) if found else ""
