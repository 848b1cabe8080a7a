"""The agreement of clusters with an annotation: adjusted Rand index and contingency table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QSizePolicy,
    QTableWidget,
    QTableWidgetItem,
)
from superqt.utils import signals_blocked

from napari_stem._napari.clusters import tasks
from napari_stem._napari.shell.newest import Newest
from napari_stem._napari.shell.panel import Panel
from napari_stem.analysis.columns import annotation_columns
from napari_stem.analysis.labels import cluster_title
from napari_stem.text import counted

if TYPE_CHECKING:
    from pandas import DataFrame, Series

    from napari_stem._napari.state.workspace import Workspace
    from napari_stem.analysis.agreement import Agreement

_TABLE_HEIGHT, _NAMES_WIDTH = 140, 110


class AgreementPanel(Panel):
    """Compares the clusters with an annotation column of the spots."""

    heading = "Agreement with annotation"

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self._comparing = Newest(self)
        self._build()
        self._connect()
        self.refresh()

    def _build(self) -> None:
        self.column = QComboBox()
        self.column.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.column.setToolTip(
            "Annotation column of the spots (AnnData obs) with a category per spot, such as a "
            "tissue type."
        )
        self.table = QTableWidget()
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setFixedHeight(_TABLE_HEIGHT)
        self.table.setTabKeyNavigation(False)
        self.table.setToolTip("Number of spots per cluster (row) and annotation (column).")
        names = self.table.verticalHeader()
        names.setDefaultSectionSize(20)
        names.setMaximumWidth(_NAMES_WIDTH)
        names.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.add_row(self.column, label="Annotation")
        self.add_row(self.note)
        self.add_row(self.table)

    def _connect(self) -> None:
        self.column.currentTextChanged.connect(self._compare)
        self.follow("clusters", "spots", "result")

    def refresh(self) -> None:
        columns = self._columns()
        former = self.column.currentText()
        with signals_blocked(self.column):
            self.column.clear()
            self.column.addItems(columns)
            self.column.setCurrentIndex(max(0, self.column.findText(former)))
        self.column.setEnabled(bool(columns))
        self._compare()

    def _columns(self) -> list[str]:
        if self.workspace.spots is None:
            return []
        return annotation_columns(self.workspace.spots.obs)

    def _compare(self) -> None:
        spots, result, column = (
            self.workspace.spots, self.workspace.result, self.column.currentText(),
        )  # fmt: skip
        self.table.hide()
        self._comparing.drop()
        if spots is None:
            self.note.setText("No spots yet.")
        elif not column:
            self.note.setText("These spots have no annotation column.")
        elif self.workspace.clusters is None or result is None or result.prediction is None:
            self.note.setText("No clusters yet.")
        else:
            clusters, annotation = result.prediction.obs["leiden"], spots.obs[column]
            if result.has_names_of(spots):
                self._start(clusters, annotation)
            elif result.is_at(spots):
                self._start(clusters.reset_index(drop=True), annotation.reset_index(drop=True))
            else:
                self.note.setText("The annotation belongs to other spots than the prediction.")

    def _start(self, clusters: Series[str], annotation: Series[Any]) -> None:
        self.note.setText("Comparing…")
        self._comparing.run(tasks.compare(clusters, annotation), self._show_agreement)

    def _show_agreement(self, found: Agreement | str) -> None:
        if isinstance(found, str):
            self.note.setText(found)
            return
        excluded = f"; {found.left_out:,} without annotation excluded" if found.left_out else ""
        self.note.setText(
            f"Adjusted Rand index {found.ari:.2f} ({counted(found.compared, 'spot')}{excluded})"
        )
        self._show_table(found.table)
        self.table.show()

    def _show_table(self, table: DataFrame) -> None:
        self.table.setRowCount(len(table.index))
        self.table.setColumnCount(len(table.columns))
        self.table.setVerticalHeaderLabels([cluster_title(str(name)) for name in table.index])
        self.table.setHorizontalHeaderLabels([str(name) for name in table.columns])
        for row, line in enumerate(table.to_numpy().tolist()):
            for column, spots in enumerate(line):
                item = QTableWidgetItem(f"{spots:,}")
                item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                self.table.setItem(row, column, item)
        self.table.resizeColumnsToContents()
