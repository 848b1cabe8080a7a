"""The look of a dock: a column of panels that scrolls, as narrow as napari's canvas needs it."""

from __future__ import annotations

from qtpy.QtCore import QSize, Qt
from qtpy.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from napari_stem._napari.shell.panel import ignore_wheel

WIDTH = 300


class Page(QScrollArea):
    """A dock's inner widget."""

    def fill(self, *parts: QWidget) -> None:
        """Put panels below each other."""
        page = QWidget()
        column = QVBoxLayout(page)
        column.setSpacing(4)
        column.setContentsMargins(4, 4, 4, 4)
        for part in parts:
            column.addWidget(part)
        column.addStretch()
        ignore_wheel(page)
        self.setWidget(page)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMinimumWidth(WIDTH)

    def sizeHint(self) -> QSize:
        """Narrow: napari's canvas needs the room."""
        return QSize(WIDTH, super().sizeHint().height())
