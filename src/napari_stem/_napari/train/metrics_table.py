"""Metrics of a training run: one row a metric, one column a method."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QHeaderView, QTableWidget, QTableWidgetItem

from napari_stem.evaluation.metrics import METRICS, Metric

if TYPE_CHECKING:
    from qtpy.QtWidgets import QWidget

    from napari_stem.evaluation.metrics import Scores

_ROW, _SHOWN = 22, 8  # height of a row in pixels, and rows that are seen without scrolling


class MetricsTable(QTableWidget):
    """The best value of each row is bold."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, 0, parent)
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.setTabKeyNavigation(False)
        self.verticalHeader().setDefaultSectionSize(_ROW)
        self.setFixedHeight((_SHOWN + 1) * _ROW)

    def clear_methods(self) -> None:
        """Show nothing."""
        self.setRowCount(0)
        self.setColumnCount(0)

    def show_methods(self, methods: Mapping[str, Scores]) -> None:
        """Show what is known of each method."""
        known = [m for m in METRICS.values() if any(m.name in v for v in methods.values())]
        self.setColumnCount(len(methods))
        self.setHorizontalHeaderLabels(list(methods))
        self.setRowCount(len(known))
        for row, metric in enumerate(known):
            heading = QTableWidgetItem(metric.heading)
            heading.setToolTip(metric.tooltip)
            self.setVerticalHeaderItem(row, heading)
            self._fill(row, metric, list(methods.values()))

    def _fill(self, row: int, metric: Metric, methods: list[Scores]) -> None:
        values = [scores.get(metric.name) for scores in methods]
        best = min((metric.loss(value) for value in values if value is not None), default=0.0)
        for column, value in enumerate(values):
            item = QTableWidgetItem("" if value is None else metric.text(value))
            item.setTextAlignment(Qt.AlignmentFlag.AlignCenter)
            font = item.font()
            font.setBold(value is not None and metric.loss(value) == best)
            item.setFont(font)
            self.setItem(row, column, item)
