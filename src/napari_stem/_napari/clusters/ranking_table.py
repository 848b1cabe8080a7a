"""The table of a cluster's marker genes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QAbstractTableModel, QModelIndex, QSortFilterProxyModel, Qt, Signal
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

if TYPE_CHECKING:
    from pandas import DataFrame

_NOWHERE = QModelIndex()
# Column of a ranking: heading, number format, tooltip.
COLUMNS = {
    "gene": ("gene", "{}", "Select a gene to show its heatmap"),
    "score": ("score", "{:.1f}", "z score of the rank-sum test, high if the cluster has more"),
    "log2_fold_change": ("log2 FC", "{:.2f}", "log2 fold change: cluster mean minus other mean"),
    "p_adjusted": ("adj. p", "{:.1e}", "p value adjusted by Benjamini and Hochberg"),
}
CAVEAT = (
    "No p value here is evidence: the values are predicted, and the clusters were found in the "
    "same values. They order the genes."
)


class RankingTable(QTableView):
    """A click on a heading sorts; selecting a row shows its gene."""

    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._genes = _Genes(self)
        self._sorted = QSortFilterProxyModel(self)
        self._sorted.setSourceModel(self._genes)
        self._sorted.setSortRole(Qt.ItemDataRole.UserRole)
        self.setModel(self._sorted)
        self.setToolTip(CAVEAT)
        self.setSortingEnabled(True)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(20)
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.selectionModel().currentRowChanged.connect(self._tell)

    def show_ranking(self, ranking: DataFrame | None) -> None:
        """Show genes of one cluster, the highest score first."""
        self._genes.replace(ranking)
        self.sortByColumn(list(COLUMNS).index("score"), Qt.SortOrder.DescendingOrder)

    def as_text(self) -> str:
        """The table as tab-separated text, which spreadsheets paste as a table."""
        headings = "\t".join(COLUMNS)
        rows = range(self._sorted.rowCount())
        lines = (
            "\t".join(str(self._value(row, column)) for column in range(len(COLUMNS)))
            for row in rows
        )
        return "\n".join([headings, *lines])

    def genes(self) -> list[str]:
        """Genes in the order in which they are shown."""
        return [str(self._value(row, 0)) for row in range(self._sorted.rowCount())]

    def _value(self, row: int, column: int) -> Any:
        return self._sorted.index(row, column).data(Qt.ItemDataRole.UserRole)

    def _tell(self, index: QModelIndex) -> None:
        if index.isValid():
            self.chosen.emit(str(self._value(index.row(), 0)))


class _Genes(QAbstractTableModel):
    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._columns: list[list[Any]] = [[] for _ in COLUMNS]

    def replace(self, ranking: DataFrame | None) -> None:
        self.beginResetModel()
        self._columns = [[] if ranking is None else ranking[name].tolist() for name in COLUMNS]
        self.endResetModel()

    def rowCount(self, parent: QModelIndex = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self._columns[0])

    def columnCount(self, parent: QModelIndex = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(COLUMNS)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role == Qt.ItemDataRole.TextAlignmentRole and index.column():
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        if role not in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.UserRole):
            return None
        value = self._columns[index.column()][index.row()]
        if role == Qt.ItemDataRole.UserRole:
            return value
        _, form, _ = list(COLUMNS.values())[index.column()]
        return form.format(value)

    def headerData(
        self, section: int, way: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if way != Qt.Orientation.Horizontal:
            return None
        heading, _, tip = list(COLUMNS.values())[section]
        if role == Qt.ItemDataRole.DisplayRole:
            return heading
        return f"{tip}. Click to sort. {CAVEAT}" if role == Qt.ItemDataRole.ToolTipRole else None
