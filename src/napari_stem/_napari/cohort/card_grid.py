"""The grid of thumbnails, with keys and a double click to open a slide."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QItemSelectionModel, QPoint, QSize, Qt, QTimer, Signal
from qtpy.QtGui import QKeyEvent, QResizeEvent
from qtpy.QtWidgets import QListView, QWidget

from napari_stem._napari.cohort.card_model import Cards
from napari_stem.cohort.choice import SIDE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_stem.cohort.arranging import SortBy
    from napari_stem.cohort.manifest import Row
    from napari_stem.cohort.overview import Card, Look

_MARGIN, _LINES = 8, 40  # pixels around a thumbnail, and of the caption
_SOON = 60  # ms until scrolling has come to rest
_LEAST = 330  # pixels, two rows of slides
_ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)


class CardGrid(QListView):
    """Slides side by side; it asks for the thumbnails of those that are in sight."""

    wanted = Signal(object)  # rows in sight without a thumbnail
    chosen = Signal()  # another slide is selected, or none
    opened = Signal(object)  # a row, by Enter or a double click

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.cards = Cards()
        self.setModel(self.cards)
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setMovement(QListView.Movement.Static)
        self.setUniformItemSizes(True)
        self.setIconSize(QSize(SIDE, SIDE))
        self.setGridSize(QSize(SIDE + _MARGIN, SIDE + _LINES))
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setMinimumHeight(_LEAST)
        self.setToolTip(
            "Slides in the order above. Press Enter or double-click to open one; the arrow keys "
            "move."
        )
        self._soon = QTimer(self, singleShot=True, interval=_SOON)
        self._soon.timeout.connect(self._ask)
        self.verticalScrollBar().valueChanged.connect(lambda: self._soon.start())
        self.doubleClicked.connect(lambda index: self.opened.emit(self.cards.rows[index.row()]))
        self.selectionModel().selectionChanged.connect(self.chosen)

    @property
    def row(self) -> Row | None:
        """The selected slide."""
        selected = self.selectionModel().selectedIndexes()
        return self.cards.rows[selected[0].row()] if selected else None

    def show_rows(self, rows: Sequence[Row], look: Look | None, by: SortBy) -> None:
        """Replace the slides; the selected one and the place stay if they are still there."""
        kept, place = self.row, self.verticalScrollBar().value()
        self.cards.replace(rows, look, by)
        for number, row in enumerate(rows):
            if kept is not None and row.identity == kept.identity:
                select = QItemSelectionModel.SelectionFlag.ClearAndSelect
                self.selectionModel().setCurrentIndex(self.cards.index(number, 0), select)
        self.doItemsLayout()
        self.verticalScrollBar().setValue(place)
        self.chosen.emit()
        self._soon.start()

    def draw(self, card: Card) -> None:
        """Show a thumbnail."""
        self.cards.draw(card)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._soon.start()

    def showEvent(self, event: QEvent) -> None:
        super().showEvent(event)
        self._soon.start()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Open the selected slide by Enter, on every system."""
        if event.key() in _ENTER and not event.modifiers() and self.row is not None:
            self.opened.emit(self.row)
        else:
            super().keyPressEvent(event)

    def _ask(self) -> None:
        if self.isVisible() and (rows := self.cards.lacking(self._in_sight())):
            self.wanted.emit(rows)

    def _in_sight(self) -> list[Row]:
        """Rows whose cards are at least partly in sight, in their order."""
        first = self.indexAt(QPoint(_MARGIN + SIDE // 2, SIDE // 2))
        found, bottom = [], self.viewport().rect().bottom()
        for number in range(max(0, first.row()), len(self.cards.rows)):
            if self.visualRect(self.cards.index(number, 0)).top() > bottom:
                break
            found.append(self.cards.rows[number])
        return found
