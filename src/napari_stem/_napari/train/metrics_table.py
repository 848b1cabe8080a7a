"""Metrics of a training run: one row a metric, one column a method."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QHeaderView, QTableWidget, QTableWidgetItem

from napari_stem.evaluation.metrics import CEILING, METRICS, Metric

if TYPE_CHECKING:
    from qtpy.QtWidgets import QWidget

    from napari_stem.evaluation.metrics import Scores

_ROW, _SHOWN = 22, 8  # height of a row in pixels, and rows that are seen without scrolling
_CEILING = "ceiling"  # the column beside the model


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

    def show_methods(self, methods: Mapping[str, Scores], ceilings: Scores) -> None:
        """Show what is known of each method, and of what could be reached beside the first one."""
        known = [m for m in METRICS.values() if any(m.name in v for v in methods.values())]
        columns = [*methods.items()]
        if ceilings:
            columns.insert(1, (_CEILING, ceilings))
        self.setColumnCount(len(columns))
        self.setHorizontalHeaderLabels([name for name, _ in columns])
        self.setRowCount(len(known))
        for row, metric in enumerate(known):
            heading = QTableWidgetItem(metric.heading)
            heading.setToolTip(metric.tooltip)
            self.setVerticalHeaderItem(row, heading)
            found = [scores.get(metric.name) for scores in methods.values()]
            best = min((metric.loss(value) for value in found if value is not None), default=None)
            for column, (name, scores) in enumerate(columns):
                value = scores.get(metric.name)
                is_best = value is not None and name != _CEILING and metric.loss(value) == best
                self.setItem(row, column, _item(metric, value, bold=is_best))
        if ceilings:
            self.horizontalHeaderItem(1).setToolTip(CEILING)


def _item(metric: Metric, value: float | None, *, bold: bool) -> QTableWidgetItem:
    item = QTableWidgetItem("" if value is None else metric.text(value))
    item.setTextAlignment(Qt.AlignmentFlag.AlignCenter)
    font = item.font()
    font.setBold(bold)
    item.setFont(font)
    return item
