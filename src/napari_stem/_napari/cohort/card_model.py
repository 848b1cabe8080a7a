"""The slides of a cohort as the model of a list: thumbnail, caption, tooltip."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QAbstractListModel, QModelIndex, Qt
from qtpy.QtGui import QColor, QFont, QImage, QPainter, QPixmap

from napari_stem.cohort.arranging import SortBy
from napari_stem.cohort.choice import SIDE, caption, details
from napari_stem.text import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_stem.cohort.manifest import Row
    from napari_stem.cohort.overview import Card, Look

_MOST = 600  # pixmaps in memory, 60 kB each
_ALL = QModelIndex()
_BACK, _INK = "#808080", "#ffffff"  # readable in both themes
_BACK_OF = {"failed": "#a04040", "running": "#3f6f9f"}


class Cards(QAbstractListModel):
    """Slides in the order in which they are shown."""

    def __init__(self) -> None:
        super().__init__()
        self._rows: Sequence[Row] = ()
        self._look: Look | None = None
        self._by = SortBy.NAME
        self._pictures: dict[tuple[str, str], tuple[Row, QPixmap]] = {}
        self._blanks: dict[str, QPixmap] = {}

    @property
    def rows(self) -> Sequence[Row]:
        return self._rows

    def replace(self, rows: Sequence[Row], look: Look | None, by: SortBy) -> None:
        """Show these slides with the values of a look; `by` tells what captions say."""
        self.beginResetModel()
        if look is not self._look:
            self._pictures.clear()
        self._rows, self._look, self._by = rows, look, by
        self.endResetModel()

    def draw(self, card: Card) -> None:
        """Take a thumbnail."""
        for number, row in enumerate(self._rows):
            if row.identity == card.identity:
                self._pictures[card.identity] = row, _pixmap(card)
                while len(self._pictures) > _MOST:
                    del self._pictures[next(iter(self._pictures))]
                here = self.index(number, 0)
                self.dataChanged.emit(here, here)
                return

    def lacking(self, rows: Sequence[Row]) -> list[Row]:
        """Those of some rows that have no thumbnail, or an old one, although they have values."""
        means = self._look.means if self._look else {}
        return [row for row in rows if row.identity in means and self._picture(row) is None]

    def rowCount(self, parent: QModelIndex = _ALL) -> int:
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row = self._rows[index.row()]
        match role:
            case Qt.ItemDataRole.DecorationRole:
                return self._picture(row) or self._blank(row)
            case Qt.ItemDataRole.DisplayRole:
                mean, problem = self._known(row)
                return f"{printable(row.name)}\n{caption(row, mean, problem, self._by)}"
            case Qt.ItemDataRole.ToolTipRole:
                return details(row, *self._known(row))
            case _:
                return None

    def _known(self, row: Row) -> tuple[float | None, str]:
        seen = self._look.seen.get(row.identity) if self._look else None
        return (None, "") if seen is None else (seen.mean, seen.problem)

    def _picture(self, row: Row) -> QPixmap | None:
        drawn, pixmap = self._pictures.get(row.identity, (None, None))
        return pixmap if drawn == row else None

    def _blank(self, row: Row) -> QPixmap:
        """A square in place of a thumbnail, with the state of a slide that is not done."""
        text = "…" if row.identity in (self._look.means if self._look else {}) else ""
        text = row.state if row.state != "done" else text
        if text not in self._blanks:
            self._blanks[text] = _square(text, _BACK_OF.get(text, _BACK))
        return self._blanks[text]


def _pixmap(card: Card) -> QPixmap:
    """The thumbnail in the middle of a square, so that captions lie in one line."""
    height, width, _ = card.pixels.shape
    image = QImage(card.pixels.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888)
    square = QPixmap(SIDE, SIDE)
    square.fill(Qt.GlobalColor.transparent)
    painter = QPainter(square)
    painter.drawImage((SIDE - width) // 2, (SIDE - height) // 2, image)
    painter.end()
    return square


def _square(text: str, back: str) -> QPixmap:
    square = QPixmap(SIDE, SIDE)
    square.fill(Qt.GlobalColor.transparent)
    painter = QPainter(square)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(back))
    painter.drawRoundedRect(square.rect(), 6, 6)
    painter.setPen(QColor(_INK))
    painter.setFont(QFont(painter.font().family(), 11))
    painter.drawText(square.rect(), Qt.AlignmentFlag.AlignCenter, text)
    painter.end()
    return square
