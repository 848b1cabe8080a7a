"""A violin plot: one row per gene, or per group of spots, on a common axis."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from qtpy.QtGui import (
    QColor,
    QHelpEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QPen,
    QPolygonF,
)
from qtpy.QtWidgets import QSizePolicy, QToolTip, QWidget

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_stem.analysis.distributions import Distribution

_ROW, _AXIS = 28, 34  # heights in pixels
_NAME, _NUMBERS, _GAP = 66, 92, 6  # widths
_BODY, _TRUTH = "#3c91d0", "#e69f00"
_TICKS = 4  # at most, besides 0
_TIP = "{name}: mean {mean:.2f}, 90 % interval {low:.2f} to {high:.2f}{truth}.\n{click}"


class ViolinPlot(QWidget):
    """Violins with their mean, their 90 % interval and a measured value, in the theme's colours.

    Parameters
    ----------
    click
        What a click on a row does, for its tooltip.
    """

    chosen = Signal(str)

    def __init__(self, click: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._click = click
        self.rows: list[Distribution] = []
        self._start, self._end = 0.0, 1.0
        self._unit = ""
        self._marked = ""
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def show_rows(self, rows: Sequence[Distribution], ends: tuple[float, float], unit: str) -> None:
        """Replace the rows; `ends` are the ends of the axis."""
        self.rows, (self._start, self._end), self._unit = list(rows), ends, unit
        self.setFixedHeight(_AXIS + _ROW * len(self.rows) if rows else 0)
        self.update()

    def mark(self, name: str) -> None:
        """Highlight a row."""
        self._marked = name
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose a row."""
        if row := self._row_at(event.position().y()):
            self.chosen.emit(row.name)

    def event(self, event: QEvent) -> bool:
        """Show the numbers of a row, or the unit, as a tooltip."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            row = self._row_at(event.pos().y())
            QToolTip.showText(
                event.globalPos(), _tip(row, self._click) if row else self._unit, self
            )
            return True
        return bool(super().event(event))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the axis, then the rows."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        font = painter.font()
        font.setPointSizeF(max(7.0, font.pointSizeF() * 0.9))
        painter.setFont(font)
        self._draw_axis(painter)
        for number, row in enumerate(self.rows):
            self._draw_row(painter, row, _AXIS + number * _ROW)

    def _draw_axis(self, painter: QPainter) -> None:
        if not self.rows:
            return
        painter.setPen(self._text())
        unit = QRectF(_NAME, 0, self.width() - _NAME, _AXIS / 2)
        painter.drawText(unit, Qt.AlignmentFlag.AlignLeft, self._unit)
        for value in _ticks(self._start, self._end):
            x = self._x(value)
            painter.setPen(self._text())
            place = QRectF(x - 15, _AXIS / 2 - 2, 30, _AXIS / 2)
            painter.drawText(place, Qt.AlignmentFlag.AlignCenter, f"{value:g}")
            painter.setPen(QPen(self._faint(), 1, Qt.PenStyle.DotLine))
            painter.drawLine(QPointF(x, _AXIS), QPointF(x, self.height()))

    def _draw_row(self, painter: QPainter, row: Distribution, top: float) -> None:
        middle = top + _ROW / 2
        if row.name == self._marked:
            painter.fillRect(QRectF(0, top, self.width(), _ROW), self._faint())
        self._draw_violin(painter, row, middle)
        self._draw_interval(painter, row, middle)
        if row.truth is not None:
            self._draw_truth(painter, self._x(row.truth), middle)
        painter.setPen(self._text())
        name = painter.fontMetrics().elidedText(row.name, Qt.TextElideMode.ElideRight, _NAME - _GAP)
        upright = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(QRectF(2, top, _NAME, _ROW), upright | Qt.AlignmentFlag.AlignLeft, name)
        low, high = row.interval
        numbers = f"{row.mean:.1f}  [{low:.1f}, {high:.1f}]"
        place = QRectF(self.width() - _NUMBERS, top, _NUMBERS - 2, _ROW)
        painter.drawText(place, upright | Qt.AlignmentFlag.AlignRight, numbers)

    def _draw_violin(self, painter: QPainter, row: Distribution, middle: float) -> None:
        half, last = _ROW / 2 - 3, len(row.density) - 1
        length = self._end - self._start
        xs = [self._x(self._start + length * i / last) for i in range(last + 1)]
        upper = [QPointF(x, middle - half * d) for x, d in zip(xs, row.density, strict=True)]
        lower = [QPointF(x, middle + half * d) for x, d in zip(xs, row.density, strict=True)]
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(_BODY))
        painter.drawPolygon(QPolygonF([*upper, *reversed(lower)]))

    def _draw_interval(self, painter: QPainter, row: Distribution, middle: float) -> None:
        low, high = (self._x(value) for value in row.interval)
        painter.setPen(QPen(self._text(), 1))
        painter.drawLine(QPointF(low, middle), QPointF(high, middle))
        for x in (low, high):
            painter.drawLine(QPointF(x, middle - 3), QPointF(x, middle + 3))
        painter.setPen(QPen(self._text(), 2.5))
        mean = self._x(row.mean)
        painter.drawLine(QPointF(mean, middle - 6), QPointF(mean, middle + 6))

    def _draw_truth(self, painter: QPainter, x: float, middle: float) -> None:
        painter.setPen(QPen(self._text(), 1))
        painter.setBrush(QColor(_TRUTH))
        corners = ((0, -6), (5, 0), (0, 6), (-5, 0))
        painter.drawPolygon(QPolygonF([QPointF(x + dx, middle + dy) for dx, dy in corners]))

    def _text(self) -> QColor:
        return self.palette().color(QPalette.ColorRole.WindowText)

    def _faint(self) -> QColor:
        return self.palette().color(QPalette.ColorRole.Highlight)

    def _x(self, value: float) -> float:
        left, right = _NAME + _GAP, float(self.width() - _NUMBERS - _GAP)
        share = (min(value, self._end) - self._start) / (self._end - self._start)
        return left + (right - left) * share

    def _row_at(self, y: float) -> Distribution | None:
        number = int((y - _AXIS) // _ROW)
        return self.rows[number] if 0 <= number < len(self.rows) else None


def _ticks(start: float, end: float) -> list[int]:
    """Whole numbers on the axis, including 0."""
    step = max(1, math.ceil((end - start) / _TICKS))
    first = math.ceil(start / step) * step
    return list(range(first, int(end) + 1, step))


def _tip(row: Distribution, click: str) -> str:
    low, high = row.interval
    truth = "" if row.truth is None else f"; measured {row.truth:.2f}"
    return _TIP.format(name=row.name, mean=row.mean, low=low, high=high, truth=truth, click=click)
