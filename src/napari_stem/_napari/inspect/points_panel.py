"""The points that were inspected, to compare and to keep."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from napari.utils.notifications import show_info
from qtpy.QtCore import QItemSelectionModel, QSignalBlocker, Qt, Signal
from qtpy.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QHeaderView,
    QSizePolicy,
    QTableWidget,
    QTableWidgetItem,
)

from napari_stem._napari.inspect import tasks
from napari_stem._napari.inspect.distributions import shown_mean
from napari_stem._napari.shell.choices import choose_folder
from napari_stem._napari.shell.dialogs import ask_save, first_folder
from napari_stem._napari.shell.page import listen
from napari_stem._napari.shell.panel import Panel, button, complain
from napari_stem._napari.shell.worker import start
from napari_stem._napari.state.point import Point

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari_stem._napari.state.checkpoint import ChosenCheckpoint
    from napari_stem._napari.state.workspace import Workspace
    from napari_stem.prediction.inspection import Inspection
    from napari_stem.slides.slide import Slide

_NOTHING = "The points that you inspect are listed here."
_HEIGHT = 132


class PointsPanel(Panel):
    """Inspected points of the current slide and checkpoint; others return with theirs."""

    heading = "Points"
    chosen = Signal(object)  # a point; None if the list is empty

    def __init__(self, workspace: Workspace, shown_genes: Callable[[], Sequence[str]]) -> None:
        super().__init__(workspace)
        self._shown_genes = shown_genes
        self._build()
        self._connect()
        self._show_others()

    def _build(self) -> None:
        self.table = QTableWidget(0, 4)
        self.table.setToolTip("Inspected points. Select one to show its genes again.")
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setShowGrid(False)
        self.table.setTabKeyNavigation(False)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(20)
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.table.horizontalHeader().setSectionResizeMode(
            0, QHeaderView.ResizeMode.ResizeToContents
        )
        self.table.setFixedHeight(_HEIGHT)
        self.copy_button = button(
            "Copy", "Copy the listed points with the genes shown below as CSV to the clipboard."
        )
        self.save_button = button(
            "Save…", "Save the listed points with the genes shown below as a CSV file."
        )
        self.clear_button = button("Clear", "Remove the listed points.")
        self.undo_button = button("Undo", "Bring back the points that were removed last.")
        for control in (self.copy_button, self.save_button, self.clear_button, self.undo_button):
            control.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.add_row(self.note)
        self.add_row(self.table)
        self.add_row(self.copy_button, self.save_button, self.clear_button, self.undo_button)

    def _connect(self) -> None:
        self.table.itemSelectionChanged.connect(self._tell)
        self.copy_button.clicked.connect(self._copy)
        self.save_button.clicked.connect(self._ask_file)
        self.clear_button.clicked.connect(self.clear)
        self.undo_button.clicked.connect(self.workspace.undo_points)
        for name in ("slide", "checkpoint", "points"):
            listen(self, self.workspace.events[name], self._show_others)
        self.follow("gene")

    @property
    def points(self) -> list[Point]:
        """The listed points: those of the current slide and checkpoint."""
        work = self.workspace
        return [point for point in work.points if point.is_of(work.slide, work.checkpoint)]

    @property
    def current(self) -> Point | None:
        """The selected point."""
        row, points = self.table.currentRow(), self.points
        return points[row] if 0 <= row < len(points) else None

    def add(self, slide: Slide, checkpoint: ChosenCheckpoint, inspection: Inspection) -> None:
        """Add a point; it is listed and selected if it is of the current slide and checkpoint."""
        self.workspace.add_points([Point(slide, checkpoint.key, inspection)])

    def clear(self) -> None:
        """Remove the listed points."""
        self.workspace.remove_points(self.points)

    def save(self, path: Path) -> None:
        """Write the listed points as CSV."""
        job = start(tasks.write_text(path, self._csv()), self)
        job.result.connect(partial(self._note, self.points))
        job.failed.connect(partial(complain, self.note))

    def _note(self, points: Sequence[Point], path: Path) -> None:
        self.workspace.take_saved_places(points)
        show_info(f"Written: {path.name}")

    def refresh(self) -> None:
        """List the points with the mean of the shown gene."""
        points, gene = self.points, self.workspace.gene
        gene = gene or (points[0].inspection.genes[0] if points else "")
        unit = "µm" if points and points[0].inspection.mpp else "px"
        with QSignalBlocker(self.table):
            self.table.setHorizontalHeaderLabels(["", f"x {unit}", f"y {unit}", gene or "gene"])
            self.table.setRowCount(len(points))
            for row, point in enumerate(points):
                for column, text in enumerate(_cells(point, gene)):
                    self.table.setItem(row, column, _cell(text))
        self.note.setText(_NOTHING)
        self.note.setHidden(bool(points))
        for control in (self.table, self.copy_button, self.save_button, self.clear_button):
            control.setVisible(bool(points))
        self.undo_button.setVisible(self._can_undo())

    def _can_undo(self) -> bool:
        """Whether the points that were removed last were listed here."""
        work = self.workspace
        last = work.removed_points[-1] if work.removed_points else ()
        return any(point.is_of(work.slide, work.checkpoint) for point in last)

    def _show_others(self) -> None:
        self.refresh()
        self._choose_last()

    def _choose_last(self) -> None:
        last = self.table.rowCount() - 1
        with QSignalBlocker(self.table):
            self.table.setCurrentCell(last, 0, QItemSelectionModel.SelectionFlag.ClearAndSelect
                                      | QItemSelectionModel.SelectionFlag.Rows)  # fmt: skip
        if last >= 0:
            self.table.scrollToItem(self.table.item(last, 0))
        self._tell()

    def _tell(self) -> None:
        self.chosen.emit(self.current)

    def _csv(self) -> str:
        points = [(point.number, point.inspection) for point in self.points]
        return tasks.points_csv(points, self._shown_genes())

    def _copy(self) -> None:
        QApplication.clipboard().setText(self._csv())

    def _ask_file(self) -> None:
        proposal = Path(first_folder(self.workspace, "points")) / "points.csv"
        path = ask_save(self, "Save points", proposal, kind="CSV table", suffix=".csv")
        if path is not None:
            choose_folder(self.workspace, "points", path.parent)
            self.save(path)


def _cells(point: Point, gene: str) -> tuple[str, ...]:
    inspection = point.inspection
    place = (f"{value * (inspection.mpp or 1):,.0f}" for value in inspection.xy)
    value = f"{shown_mean(inspection, gene):.2f}" if gene in inspection.genes else ""
    return (str(point.number), *place, value)


def _cell(text: str) -> QTableWidgetItem:
    made = QTableWidgetItem(text)
    made.setTextAlignment(int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter))
    return made
