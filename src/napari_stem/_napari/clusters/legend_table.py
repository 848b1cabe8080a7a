"""The legend as a table: visibility, colour, name, number of spots and share of each cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QItemSelectionModel, QModelIndex, QSize, Qt, Signal
from qtpy.QtGui import QColor, QIcon, QPixmap
from qtpy.QtWidgets import (
    QAbstractItemView,
    QColorDialog,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)
from superqt.utils import signals_blocked

from napari_stem._napari.shell.panel import EDGED_BOXES

if TYPE_CHECKING:
    from napari_stem._napari.state.cluster_view import ClusterView
    from napari_stem.analysis.labels import Clusters

_SHOWN, _COLOUR, _NAME, _SPOTS, _SHARE = range(5)
_TIPS = {
    _SHOWN: "Untick to hide the {}.",
    _COLOUR: "Click to change the colour.",
    _NAME: "Double-click or press F2 to rename the {}.",
    _SPOTS: "Number of spots in the {}.",
    _SHARE: "Share of all spots.",
}
_SWATCH, _ROW, _NARROW = 14, 22, 24  # pixels


class LegendTable(QTableWidget):
    """Emits the edits of the user by the number of the cluster; it changes no cluster itself.

    Parameters
    ----------
    what
        A row is: "cluster", or "group".
    """

    selected = Signal(object)  # set of numbers
    hidden = Signal(object)  # set of numbers
    renamed = Signal(int, str)
    recoloured = Signal(int, str)

    def __init__(
        self, what: str = "cluster", parent: QWidget | None = None, *, can_hide: bool = True
    ) -> None:
        headings = ("", "", what, "spots", "share")
        super().__init__(0, len(headings), parent)
        self._what = what
        self.setHorizontalHeaderLabels(headings)
        self.setColumnHidden(_SHOWN, not can_hide)
        self.setToolTip(f"Select {what}s to highlight their spots. Double-click to rename.")
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(
            QAbstractItemView.EditTrigger.DoubleClicked
            | QAbstractItemView.EditTrigger.EditKeyPressed
        )
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        self.setIconSize(QSize(_SWATCH, _SWATCH))
        self.setStyleSheet(EDGED_BOXES)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(_ROW)
        header = self.horizontalHeader()
        header.setMinimumSectionSize(_NARROW)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(_NAME, QHeaderView.ResizeMode.Stretch)
        for column in (_SHOWN, _COLOUR):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
            header.resizeSection(column, _NARROW)
        self.itemSelectionChanged.connect(self._tell_selected)
        self.itemChanged.connect(self._tell_change)
        self.cellClicked.connect(self._ask_colour)

    def show_clusters(self, clusters: Clusters | None, view: ClusterView) -> None:
        """Show clusters; table items are reused, as a user may be editing one."""
        with signals_blocked(self):
            self.setRowCount(len(clusters.names) if clusters else 0)
            if clusters is not None:
                self._fill(clusters, view.hidden)
                self._mark(view.selected)

    def selectionCommand(
        self, index: QModelIndex, event: Any = None
    ) -> QItemSelectionModel.SelectionFlag:
        """Leave the selection as it is when a tick or a colour is clicked."""
        if index.isValid() and index.column() in (_SHOWN, _COLOUR):
            return QItemSelectionModel.SelectionFlag.NoUpdate
        return super().selectionCommand(index, event)

    def _fill(self, clusters: Clusters, hidden: frozenset[int]) -> None:
        spots = max(len(clusters.numbers), 1)
        about = zip(clusters.titles, clusters.colours, clusters.sizes, strict=True)
        for row, (title, colour, size) in enumerate(about):
            is_hidden = row + 1 in hidden
            tick = Qt.CheckState.Unchecked if is_hidden else Qt.CheckState.Checked
            self._item(row, _SHOWN).setCheckState(tick)
            self._item(row, _COLOUR).setIcon(_swatch(colour))
            self._item(row, _COLOUR).setData(Qt.ItemDataRole.UserRole, colour)
            self._item(row, _NAME).setText(title)
            self._item(row, _SPOTS).setText(f"{size:,}")
            self._item(row, _SHARE).setText(f"{100 * size / spots:.1f} %")

    def _item(self, row: int, column: int) -> QTableWidgetItem:
        item = self.item(row, column)
        if item is None:
            item = QTableWidgetItem()
            flags = Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsEnabled
            if column == _NAME:
                flags |= Qt.ItemFlag.ItemIsEditable
            if column == _SHOWN:
                flags |= Qt.ItemFlag.ItemIsUserCheckable
            if column in (_SPOTS, _SHARE):
                item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            item.setFlags(flags)
            item.setToolTip(_TIPS[column].format(self._what))
            self.setItem(row, column, item)
        return item

    def _mark(self, numbers: frozenset[int]) -> None:
        """Select rows, and make the first of them the current one for the arrow keys."""
        if numbers == self._selected():
            return
        chosen = self.selectionModel()
        chosen.clearSelection()
        flags = QItemSelectionModel.SelectionFlag
        for number in numbers:
            index = self.model().index(number - 1, _NAME)
            chosen.select(index, flags.Select | flags.Rows)
        if numbers:
            index = self.model().index(min(numbers) - 1, _NAME)
            chosen.setCurrentIndex(index, flags.NoUpdate)

    def _selected(self) -> set[int]:
        return {index.row() + 1 for index in self.selectionModel().selectedRows(_NAME)}

    def _tell_selected(self) -> None:
        self.selected.emit(self._selected())

    def _tell_change(self, item: QTableWidgetItem) -> None:
        if item.column() == _NAME:
            self.renamed.emit(item.row() + 1, item.text())
        elif item.column() == _SHOWN:
            self.hidden.emit({row + 1 for row in range(self.rowCount()) if not self._ticked(row)})

    def _ticked(self, row: int) -> bool:
        return bool(self.item(row, _SHOWN).checkState() == Qt.CheckState.Checked)

    def _ask_colour(self, row: int, column: int) -> None:
        if column != _COLOUR:
            return
        former = QColor(self.item(row, _COLOUR).data(Qt.ItemDataRole.UserRole))
        title = f"Colour of {self.item(row, _NAME).text()}"
        colour = QColorDialog.getColor(former, self, title)
        if colour.isValid():
            self.recoloured.emit(row + 1, colour.name().upper())


def _swatch(colour: str) -> QIcon:
    pixmap = QPixmap(_SWATCH, _SWATCH)
    pixmap.fill(QColor(colour))
    icon = QIcon(pixmap)
    icon.addPixmap(pixmap, QIcon.Mode.Selected)  # otherwise Qt tints it
    return icon
