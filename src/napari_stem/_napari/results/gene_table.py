"""A table of genes that can be searched and sorted, and that arrow keys walk through."""

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

if TYPE_CHECKING:
    from collections.abc import Collection

    from napari_stem._napari.state.result import Result

_MOVES = (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown)
_MARK = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
_ALL = QModelIndex()
_UNKNOWN = "-"
# Column of a prediction's `var`: heading and what it means.
_COLUMNS = {
    "mean": ("mean", "Mean over all spots"),
    "variance": ("var", "Variance between spots"),
    "morans_i": ("Moran", "Moran's I: 1 for smooth patches, 0 for noise between spots"),
    "held_out_pcc": ("PCC", "Correlation with measured values on the held-out section"),
}


class GeneTable(QWidget):
    """Genes with their figures; typing narrows them, arrows move from either part.

    The chosen gene and the marked ones stay what they are while the search hides their rows.
    """

    chosen = Signal(str)
    marked = Signal()  # other genes are marked

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.search = QLineEdit()
        self.search.setPlaceholderText("Search genes")
        self.search.setToolTip("Part of a gene's name. Arrow keys flick through what is left.")
        self.search.setClearButtonEnabled(True)
        self._genes = _Genes()
        self._shown = _Shown(self._genes)
        self._gene = ""
        self._marks: list[str] = []
        self.view = _view(self._shown)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(self.search)
        column.addWidget(self.view)
        self.search.installEventFilter(self)
        self.search.textChanged.connect(self._filter)
        self.view.selectionModel().currentRowChanged.connect(self._tell)
        self.view.selectionModel().selectionChanged.connect(self._mark)
        self.view.clicked.connect(self._mark)  # which leaves a selected row as it is
        self.view.clicked.connect(self._tell)  # also on the gene that is shown, to see it again

    def show_genes_of(self, result: Result) -> None:
        """Replace the genes and their figures."""
        with signals_blocked(self.view.selectionModel()):
            if self._genes.replace(result):
                known = set(result.genes)
                self._marks = [gene for gene in self._marks if gene in known]
                self.view.resizeColumnsToContents()
                self.view.doItemsLayout()  # before it, there is nowhere to scroll to

    def narrow(self, genes: Collection[str] | None) -> None:
        """Show only these genes; None shows all."""
        with signals_blocked(self.view.selectionModel()):
            self._shown.narrow(genes)
        self._restore()

    def choose(self, gene: str) -> None:
        """Show which gene is looked at without telling anybody."""
        if gene != self._gene:
            self._gene = gene
            self._marks = self._marks if gene in self._marks else [gene]
        if gene != self._current():
            self._restore()

    def visible_genes(self) -> list[str]:
        """Genes in the order in which the table shows them."""
        return [self._shown.index(row, 0).data() for row in range(self._shown.rowCount())]

    def selected_genes(self) -> list[str]:
        """Genes that the user has marked, also those that the search hides."""
        return [*self._marks]

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Let arrows in the search field move through the table."""
        if event.type() == QEvent.Type.KeyPress and event.key() in _MOVES:
            return bool(QApplication.sendEvent(self.view, event))
        return bool(super().eventFilter(watched, event))

    def _current(self) -> str:
        return str(self._shown.index(self.view.currentIndex().row(), 0).data() or "")

    def _tell(self, index: QModelIndex) -> None:
        if index.isValid():
            self._gene = self._current()
            self.chosen.emit(self._gene)

    def _mark(self) -> None:
        """Take over what the user selected; Ctrl adds it to what the search hides."""
        marks = [index.data() for index in self.view.selectionModel().selectedRows()]
        if QApplication.keyboardModifiers() & Qt.KeyboardModifier.ControlModifier:
            visible = set(self.visible_genes())
            marks = [gene for gene in self._marks if gene not in visible] + marks
        if marks != self._marks:
            self._marks = marks
            self.marked.emit()

    def _filter(self, text: str) -> None:
        with signals_blocked(self.view.selectionModel()):
            self._shown.setFilterFixedString(text)
        self._restore()

    def _restore(self) -> None:
        """Find the rows of the chosen gene and of the marked ones, without telling anybody."""
        rows = {gene: self._shown.index(row, 0) for row, gene in enumerate(self.visible_genes())}
        current, marked = rows.get(self._gene, QModelIndex()), QItemSelection()
        for gene in self._marks:
            if gene in rows:
                marked.select(rows[gene], rows[gene])
        with signals_blocked(self.view.selectionModel()):
            self.view.setCurrentIndex(current)
            self.view.selectionModel().select(marked, _MARK)
            self.view.scrollTo(current)
        self.view.viewport().update()


class _Genes(QAbstractTableModel):
    """The genes of a result in alphabetical order, with the figures that are known."""

    def __init__(self) -> None:
        super().__init__()
        self._names: list[str] = []
        self._figures: dict[str, list[float | None]] = {}

    def replace(self, result: Result) -> bool:
        """Whether the genes or their figures are others than before."""
        names = sorted(result.genes)
        known = result.prediction.var.loc[names] if result.prediction is not None else {}
        # NaN, unlike None, is not what it is: the same genes would seem to be others.
        figures = {
            key: [None if isnan(value) else float(value) for value in known[key]]
            for key in _COLUMNS
            if key in known
        }
        if (names, figures) == (self._names, self._figures):
            return False
        self.beginResetModel()
        self._names, self._figures = names, figures
        self.endResetModel()
        return True

    def rowCount(self, parent: QModelIndex = _ALL) -> int:
        return 0 if parent.isValid() else len(self._names)

    def columnCount(self, parent: QModelIndex = _ALL) -> int:
        return 0 if parent.isValid() else 1 + len(self._figures)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row, column = index.row(), index.column()
        if role == Qt.ItemDataRole.TextAlignmentRole and column:
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        if role not in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.UserRole):
            return None
        if not column:
            return self._names[row]
        figure = list(self._figures.values())[column - 1][row]
        if role == Qt.ItemDataRole.UserRole:
            return -inf if figure is None else figure
        return _UNKNOWN if figure is None else f"{figure:.2f}"

    def headerData(
        self, section: int, way: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if way != Qt.Orientation.Horizontal:
            return None
        heading, tip = ("gene", "") if not section else _COLUMNS[list(self._figures)[section - 1]]
        if role == Qt.ItemDataRole.DisplayRole:
            return heading
        return f"{tip} (click to sort)" if role == Qt.ItemDataRole.ToolTipRole and tip else None


class _Shown(QSortFilterProxyModel):
    """Genes whose name holds what was typed, of a marker set if one is chosen."""

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
    view.setToolTip("Arrow keys flick through the genes; click a heading to sort.")
    view.setSortingEnabled(True)
    view.sortByColumn(0, Qt.SortOrder.AscendingOrder)
    view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    view.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
    view.setShowGrid(False)
    view.setWordWrap(False)
    view.setTabKeyNavigation(False)
    view.verticalHeader().hide()
    view.verticalHeader().setDefaultSectionSize(20)
    view.horizontalHeader().setStretchLastSection(True)
    view.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
    return view
