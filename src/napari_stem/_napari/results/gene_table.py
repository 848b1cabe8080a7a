"""The table of genes: search, sort, and step through genes with the arrow keys."""

from __future__ import annotations

from math import inf, isnan
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import (
    QAbstractTableModel,
    QEvent,
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QObject,
    QSortFilterProxyModel,
    Qt,
    Signal,
)
from qtpy.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QHeaderView,
    QLineEdit,
    QTableView,
    QVBoxLayout,
    QWidget,
)
from superqt.utils import signals_blocked

from napari_stem.prediction.statistics import displayed

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from napari_stem._napari.state.result import Result

_MOVES = (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown)
_SELECT = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
_ALL = QModelIndex()
_UNKNOWN = "-"
_NUMBER_WIDTH = 48  # pixels
# Agreement with the measured values, or a column of a prediction's `var`: heading and tooltip.
_AGREEMENT = "agreement"
_COLUMNS = {
    _AGREEMENT: ("r", "Pearson correlation of predicted and measured values over these spots"),
    "mean": ("mean", "Mean predicted expression of all spots"),
    "variance": ("var", "Variance of the predicted expression between spots"),
    "morans_i": (
        "Moran",
        "Moran's I: near 1 for smooth spatial patterns, near 0 for random ones",
    ),
    "held_out_pcc": (
        "PCC",
        "Pearson correlation of predicted and measured values on held-out tissue",
    ),
}


class GeneTable(QWidget):
    """Genes with their statistics, below a search field; arrow keys work in both.

    The shown gene and the selected genes stay while the search hides their rows.
    """

    chosen = Signal(str)
    selected = Signal()  # the selected genes have changed

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.search = QLineEdit()
        self.search.setPlaceholderText("Search genes")
        self.search.setToolTip("Type part of a gene symbol. The arrow keys step through the hits.")
        self.search.setClearButtonEnabled(True)
        self._genes = _Genes()
        self._shown = _Shown(self._genes)
        self._gene = ""
        self._selection: list[str] = []
        self.view = _view(self._shown)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(self.search)
        column.addWidget(self.view)
        self.search.installEventFilter(self)
        self.search.textChanged.connect(self._filter)
        self.view.selectionModel().currentRowChanged.connect(self._tell)
        self.view.selectionModel().selectionChanged.connect(self._select)
        self.view.clicked.connect(self._select)  # on a selected row, the selection does not change
        self.view.clicked.connect(self._tell)  # also on the shown gene, to show it again

    def show_genes_of(self, result: Result) -> None:
        """Replace the genes and their statistics."""
        with signals_blocked(self.view.selectionModel()):
            if self._genes.replace(result):
                known = set(result.genes)
                self._selection = [gene for gene in self._selection if gene in known]
                _fit_columns(self.view)
                self.view.doItemsLayout()  # needed before scrolling

    def narrow(self, genes: Collection[str] | None) -> None:
        """Show only these genes; None shows all."""
        with signals_blocked(self.view.selectionModel()):
            self._shown.narrow(genes)
        self._restore()

    def choose(self, gene: str) -> None:
        """Mark the shown gene as current, without a signal."""
        if gene != self._gene:
            self._gene = gene
            self._selection = self._selection if gene in self._selection else [gene]
        if gene != self._current():
            self._restore()

    def visible_genes(self) -> list[str]:
        """Genes in the order of the table, without those that the search hides."""
        return [self._shown.index(row, 0).data() for row in range(self._shown.rowCount())]

    def selected_genes(self) -> list[str]:
        """Genes that the user has selected, including those that the search hides."""
        return [*self._selection]

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Let the arrow keys move through the table while the search field has the focus."""
        if event.type() == QEvent.Type.KeyPress and event.key() in _MOVES:
            return bool(QApplication.sendEvent(self.view, event))
        return bool(super().eventFilter(watched, event))

    def _current(self) -> str:
        return str(self._shown.index(self.view.currentIndex().row(), 0).data() or "")

    def _tell(self, index: QModelIndex) -> None:
        if index.isValid():
            self._gene = self._current()
            self.chosen.emit(self._gene)

    def _select(self) -> None:
        """Take the selection of the user; with Ctrl, selected genes that are hidden stay."""
        genes = [index.data() for index in self.view.selectionModel().selectedRows()]
        if QApplication.keyboardModifiers() & Qt.KeyboardModifier.ControlModifier:
            visible = set(self.visible_genes())
            genes = [gene for gene in self._selection if gene not in visible] + genes
        if genes != self._selection:
            self._selection = genes
            self.selected.emit()

    def _filter(self, text: str) -> None:
        with signals_blocked(self.view.selectionModel()):
            self._shown.setFilterFixedString(text)
        self._restore()

    def _restore(self) -> None:
        """Restore the current row and the selected rows, without a signal."""
        rows = {gene: self._shown.index(row, 0) for row, gene in enumerate(self.visible_genes())}
        current, selected = rows.get(self._gene, QModelIndex()), QItemSelection()
        for gene in self._selection:
            if gene in rows:
                selected.select(rows[gene], rows[gene])
        with signals_blocked(self.view.selectionModel()):
            self.view.setCurrentIndex(current)
            self.view.selectionModel().select(selected, _SELECT)
            self.view.scrollTo(current)
        self.view.viewport().update()


class _Genes(QAbstractTableModel):
    """The genes of a result in alphabetical order, with the statistics that the result has."""

    def __init__(self) -> None:
        super().__init__()
        self._names: list[str] = []
        self._statistics: dict[str, list[float | None]] = {}

    def replace(self, result: Result) -> bool:
        """Take the genes of a result; returns whether anything has changed."""
        names = sorted(result.genes)
        known = _figures(result, names)
        # None instead of NaN, which is unequal to itself: equal tables must compare equal.
        statistics = {
            key: [None if isnan(value) else float(value) for value in known[key]]
            for key in _COLUMNS
            if key in known
        }
        if (names, statistics) == (self._names, self._statistics):
            return False
        self.beginResetModel()
        self._names, self._statistics = names, statistics
        self.endResetModel()
        return True

    def rowCount(self, parent: QModelIndex = _ALL) -> int:
        return 0 if parent.isValid() else len(self._names)

    def columnCount(self, parent: QModelIndex = _ALL) -> int:
        return 0 if parent.isValid() else 1 + len(self._statistics)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row, column = index.row(), index.column()
        if role == Qt.ItemDataRole.TextAlignmentRole and column:
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        if role not in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.UserRole):
            return None
        if not column:
            return self._names[row]
        value = list(self._statistics.values())[column - 1][row]
        if role == Qt.ItemDataRole.UserRole:
            return -inf if value is None else value
        return _UNKNOWN if value is None else f"{value:.2f}"

    def headerData(
        self, section: int, way: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if way != Qt.Orientation.Horizontal:
            return None
        heading, tip = "gene", ""
        if section:
            heading, tip = _COLUMNS[list(self._statistics)[section - 1]]
        if role == Qt.ItemDataRole.DisplayRole:
            return heading
        return f"{tip}. Click to sort." if role == Qt.ItemDataRole.ToolTipRole and tip else None


def _figures(result: Result, names: list[str]) -> Mapping[str, Collection[float]]:
    """What is known of genes, by column."""
    if result.prediction is None:
        return {}
    known = dict(result.prediction.var.loc[names])
    if "mean" in known:
        known["mean"] = displayed(known["mean"])
    if result.agreement is not None:
        by_gene = dict(zip(result.genes, result.agreement.gene_pcc, strict=True))
        known[_AGREEMENT] = [by_gene[name] for name in names]
    return known


class _Shown(QSortFilterProxyModel):
    """Genes that match the search and belong to the chosen marker set."""

    def __init__(self, genes: _Genes) -> None:
        super().__init__()
        self._only: Collection[str] | None = None
        self.setSourceModel(genes)
        self.setFilterCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.setSortRole(Qt.ItemDataRole.UserRole)

    def narrow(self, genes: Collection[str] | None) -> None:
        self._only = genes
        self.invalidateFilter()

    def filterAcceptsRow(self, row: int, parent: QModelIndex) -> bool:
        name = self.sourceModel().index(row, 0, parent).data()
        accepted = self._only is None or name in self._only
        return accepted and bool(super().filterAcceptsRow(row, parent))


def _view(model: _Shown) -> QTableView:
    view = QTableView()
    view.setModel(model)
    view.setToolTip(
        "Click a gene to show its heatmap; the arrow keys step through the genes. Ctrl+click "
        "selects several. Click a heading to sort."
    )
    view.setSortingEnabled(True)
    view.sortByColumn(0, Qt.SortOrder.AscendingOrder)
    view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    view.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
    view.setShowGrid(False)
    view.setWordWrap(False)
    view.setTabKeyNavigation(False)
    view.verticalHeader().hide()
    view.verticalHeader().setDefaultSectionSize(20)
    view.horizontalHeader().setMinimumSectionSize(_NUMBER_WIDTH)
    view.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
    return view


def _fit_columns(view: QTableView) -> None:
    """Show all columns in a narrow dock: numbers are short, symbols take what is left."""
    header = view.horizontalHeader()
    header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
    for column in range(1, header.count()):
        header.resizeSection(column, _NUMBER_WIDTH)
