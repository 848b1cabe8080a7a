"""The table of genes: search, sort, and step through genes with the arrow keys."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import (
    QEvent,
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QObject,
    QPoint,
    Qt,
    Signal,
)
from qtpy.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QHeaderView,
    QLineEdit,
    QMenu,
    QTableView,
    QVBoxLayout,
    QWidget,
)
from superqt.utils import signals_blocked

from napari_stem._napari.results.gene_model import COLUMNS, Genes, ShownGenes
from napari_stem._napari.shell.choices import hide_columns

if TYPE_CHECKING:
    from collections.abc import Collection

    from napari_stem._napari.state.result import Result
    from napari_stem._napari.state.workspace import Workspace

_MOVES = (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown)
_SELECT = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
_NUMBER_WIDTH, _WORD_WIDTH = 44, 58  # pixels


class GeneTable(QWidget):
    """Genes with their statistics, below a search field; arrow keys work in both.

    The shown gene and the selected genes stay while the search hides their rows.
    """

    chosen = Signal(str)
    selected = Signal()  # the selected genes have changed

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self.search = QLineEdit()
        self.search.setPlaceholderText("Search genes")
        self.search.setToolTip("Type part of a gene symbol. The arrow keys step through the hits.")
        self.search.setClearButtonEnabled(True)
        self._genes = Genes()
        self._shown = ShownGenes(self._genes)
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
        header = self.view.horizontalHeader()
        header.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        header.customContextMenuRequested.connect(self._offer_columns)
        self.view.clicked.connect(self._tell)  # also on the shown gene, to show it again

    def show_genes_of(self, result: Result) -> None:
        """Replace the genes and their statistics."""
        with signals_blocked(self.view.selectionModel()):
            if self._genes.replace(result):
                known = set(result.genes)
                self._selection = [gene for gene in self._selection if gene in known]
                self._fit_columns()
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

    def _fit_columns(self) -> None:
        """Fit the chosen columns into a narrow dock: numbers are short, symbols take the rest."""
        header, hidden = self.view.horizontalHeader(), self._workspace.last.hidden_columns
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for column, key in enumerate(self._genes.columns, start=1):
            header.resizeSection(column, _WORD_WIDTH if COLUMNS[key].words else _NUMBER_WIDTH)
            header.setSectionHidden(column, key in hidden)

    def _offer_columns(self, place: QPoint) -> None:
        menu, hidden = QMenu(self.view), self._workspace.last.hidden_columns
        for key in self._genes.columns:
            column = COLUMNS[key]
            action = menu.addAction(f"{column.heading}: {column.tip}")
            action.setCheckable(True)
            action.setChecked(key not in hidden)
            action.toggled.connect(partial(self._choose_column, key))
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(self.view.horizontalHeader().mapToGlobal(place))

    def _choose_column(self, key: str, shown: bool) -> None:
        others = [other for other in self._workspace.last.hidden_columns if other != key]
        hide_columns(self._workspace, others if shown else [*others, key])
        self._fit_columns()

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


def _view(model: ShownGenes) -> QTableView:
    view = QTableView()
    view.setModel(model)
    view.setToolTip(
        "Click a gene to show its heatmap; the arrow keys step through the genes. Ctrl+click "
        "selects several. Click a heading to sort, right-click it to choose columns."
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
