"""How well the clusters agree with an annotation of the spots."""

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

from napari_stem._napari.shell.page import listen
from napari_stem._napari.shell.panel import Panel
from napari_stem.analysis.labels import cluster_title
from napari_stem.errors import StemError

if TYPE_CHECKING:
    from pandas import DataFrame, Series

    from napari_stem._napari.state.workspace import Workspace

_TABLE_HEIGHT, _NAMES_WIDTH = 140, 110


class AgreementPanel(Panel):
    """Adjusted Rand index and spots of each cluster and kind of annotation."""

    heading = "Agreement with an annotation"

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self._build()
        self._connect()
        self.refresh()

    def _build(self) -> None:
        self.column = QComboBox()
        self.column.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.column.setToolTip("Column of the spots that says of what kind each is.")
        self.table = QTableWidget()
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setFixedHeight(_TABLE_HEIGHT)
        self.table.setTabKeyNavigation(False)
        self.table.setToolTip("Spots of each cluster (row) and kind of annotation (column).")
        names = self.table.verticalHeader()
        names.setDefaultSectionSize(20)
        names.setMaximumWidth(_NAMES_WIDTH)
        names.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.add_row(self.column, label="Column")
        self.add_row(self.note)
        self.add_row(self.table)

    def _connect(self) -> None:
        self.column.currentTextChanged.connect(self._compare)
        for name in ("clusters", "spots", "result"):
            listen(self, self.workspace.events[name], self.refresh)

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
        from napari_stem.analysis.agreement import annotation_columns  # pandas, long since imported

        return annotation_columns(self.workspace.spots.obs)

    def _compare(self) -> None:
        spots, result, column = (
            self.workspace.spots, self.workspace.result, self.column.currentText(),
        )  # fmt: skip
        self.table.hide()
        if spots is None:
            self.note.setText("No spots yet.")
        elif not column:
            self.note.setText("The spots bring no annotation: no column of theirs holds kinds.")
        elif self.workspace.clusters is None or result is None or result.prediction is None:
            self.note.setText("Not clustered yet.")
        else:
            clusters, annotation = result.prediction.obs["leiden"], spots.obs[column]
            if result.has_names_of(spots):
                self._show_agreement(clusters, annotation)
            elif result.is_at(spots):
                self._show_agreement(*(x.reset_index(drop=True) for x in (clusters, annotation)))
            else:
                self.note.setText("The annotation is of other spots than the prediction.")

    def _show_agreement(self, clusters: Series[str], annotation: Series[Any]) -> None:
        from napari_stem.analysis.agreement import compare

        try:
            found = compare(clusters, annotation)
        except StemError as error:
            self.note.setText(str(error))
            return
        left_out = f"; {found.left_out:,} without annotation left out" if found.left_out else ""
        self.note.setText(
            f"Adjusted Rand index {found.ari:.2f} of {found.compared:,} spots{left_out}"
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
