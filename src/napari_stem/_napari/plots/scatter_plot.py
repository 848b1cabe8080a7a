"""A scatter plot of spots, in which a lasso selects some of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QPointF, QRectF, Qt, Signal
from qtpy.QtGui import (
    QColor,
    QImage,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QPen,
    QPolygonF,
)
from qtpy.QtWidgets import QSizePolicy, QWidget

if TYPE_CHECKING:
    from numpy.typing import NDArray

_HEIGHT = 190  # pixels
_LEFT, _BOTTOM, _EDGE = 18, 18, 6  # margins
_DOT, _FADED = "#3c91d0", "#8c8c8c"  # while others are selected
_RADIUS = 1.5  # of a dot, in pixels
_FEWEST = 3  # corners of a lasso


class ScatterPlot(QWidget):
    """Dots by two values each, on axes that begin at 0, or at the lowest value below it.

    Dots are one image, which is painted again when they change, not while a lasso is drawn.
    """

    lassoed = Signal(object)  # (n,) which dots the lasso encloses; none after a plain click

    def __init__(self, tip: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._xy = np.empty((0, 2))
        self._selected: NDArray[np.bool_] | None = None
        self._names = "", ""
        self._has_diagonal = False
        self._low, self._high = np.zeros(2), np.ones(2)
        self._lasso: list[QPointF] = []
        self._picture: QImage | None = None  # of the dots, until they change
        self.setToolTip(tip)
        self.setFixedHeight(_HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.CrossCursor)

    def show_dots(
        self, x: NDArray[np.float32], y: NDArray[np.float32], names: tuple[str, str]
    ) -> None:
        """Replace the dots (n,) and the names of the axes."""
        self._xy, self._names = np.column_stack([x, y]).astype(np.float64), names
        self._low, self._high = _ends(self._xy)
        self._redraw()

    def use_one_scale(self) -> None:
        """Give both axes the same ends, and draw the line of equal values."""
        self._has_diagonal = True
        self._low, self._high = np.full(2, self._low.min()), np.full(2, self._high.max())
        self._redraw()

    def mark(self, selected: NDArray[np.bool_] | None) -> None:
        """Highlight dots (n,); None highlights none."""
        self._selected = selected
        self._redraw()

    def place_of(self, number: int) -> QPointF:
        """Where a dot lies in the widget."""
        x, y = self._places()[number]
        return QPointF(float(x), float(y))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin a lasso."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._lasso = [event.position()]

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Draw the lasso on."""
        if self._lasso:
            self._lasso.append(event.position())
            self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Select what the lasso encloses."""
        if not self._lasso:
            return
        lasso, self._lasso = [*self._lasso, event.position()], []
        self.update()
        self.lassoed.emit(self._enclosed([(place.x(), place.y()) for place in lasso]))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the axes, the dots and the lasso."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._draw_axes(painter)
        if self._picture is None or self._picture.size() != self.size() * self.devicePixelRatioF():
            self._picture = self._dots()
        painter.drawImage(self.rect(), self._picture)
        if self._lasso:
            painter.setPen(QPen(QColor(_DOT), 1.5))
            painter.drawPolyline(QPolygonF(self._lasso))

    def _redraw(self) -> None:
        self._picture = None
        self.update()

    def _draw_axes(self, painter: QPainter) -> None:
        area, palette = self._area(), self.palette()
        text = palette.color(QPalette.ColorRole.WindowText)
        faint = palette.color(QPalette.ColorRole.Highlight)
        painter.setPen(QPen(faint, 1))
        painter.drawRect(area)
        if self._has_diagonal:
            painter.setPen(QPen(faint, 1, Qt.PenStyle.DashLine))
            painter.drawLine(area.bottomLeft(), area.topRight())
        font = painter.font()
        font.setPointSizeF(max(7.0, font.pointSizeF() * 0.85))
        painter.setFont(font)
        painter.setPen(text)
        below = QRectF(area.left(), area.bottom(), area.width(), _BOTTOM)
        _write_axis(painter, below, self._names[0], self._low[0], self._high[0])
        painter.save()
        painter.translate(0, area.bottom())
        painter.rotate(-90)
        beside = QRectF(0, 0, area.height(), _LEFT)
        _write_axis(painter, beside, self._names[1], self._low[1], self._high[1])
        painter.restore()

    def _dots(self) -> QImage:
        """The dots on transparent ground, in the pixels of the screen."""
        ratio = self.devicePixelRatioF()
        size = self.size() * ratio
        width, height = size.width(), size.height()
        pixels = np.zeros((height, width), np.uint32)
        centres = np.floor(self._places() * ratio).astype(int)
        chosen = np.ones(len(centres), bool) if self._selected is None else self._selected
        for dots, colour in ((centres[~chosen], _FADED), (centres[chosen], _DOT)):
            _paint(pixels, dots, round(_RADIUS * ratio), QColor(colour).rgba())
        image = QImage(
            pixels.tobytes(), width, height, 4 * width, QImage.Format.Format_ARGB32
        ).copy()  # which owns its memory
        image.setDevicePixelRatio(ratio)
        return image

    def _places(self) -> NDArray[np.float64]:
        """(n, 2) where dots lie in the widget."""
        area = self._area()
        share = (self._xy - self._low) / (self._high - self._low)
        x = area.left() + share[:, 0] * area.width()
        return np.column_stack([x, area.bottom() - share[:, 1] * area.height()])

    def _area(self) -> QRectF:
        inner = QRectF(_LEFT, _EDGE, self.width() - _LEFT - _EDGE, self.height() - _EDGE - _BOTTOM)
        return inner.normalized()

    def _enclosed(self, corners: list[tuple[float, float]]) -> NDArray[np.bool_]:
        from napari_stem.spots.polygons import inside  # imported with the spots

        if len(set(corners)) < _FEWEST:
            return np.zeros(len(self._xy), bool)
        return inside(self._places(), [[corners]])


def _ends(xy: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The ends of both axes; dots at a single value lie at their beginning."""
    if not len(xy):
        return np.zeros(2), np.ones(2)
    low, high = np.minimum(xy.min(axis=0), 0), xy.max(axis=0)
    return low, np.where(high > low, high, low + 1)


def _write_axis(painter: QPainter, place: QRectF, name: str, low: float, high: float) -> None:
    vertical = Qt.AlignmentFlag.AlignVCenter
    painter.drawText(place, vertical | Qt.AlignmentFlag.AlignLeft, f"{low:.3g}")
    painter.drawText(place, vertical | Qt.AlignmentFlag.AlignHCenter, name)
    painter.drawText(place, vertical | Qt.AlignmentFlag.AlignRight, f"{high:.3g}")


def _paint(pixels: NDArray[np.uint32], centres: NDArray[np.int_], radius: int, colour: int) -> None:
    """Paint discs (x, y), as far as they lie in the picture."""
    height, width = pixels.shape
    for dy in range(-radius, radius + 1):
        for dx in range(-radius, radius + 1):
            if dx * dx + dy * dy > radius * radius:
                continue
            x, y = centres[:, 0] + dx, centres[:, 1] + dy
            there = (x >= 0) & (x < width) & (y >= 0) & (y < height)
            pixels[y[there], x[there]] = colour
