"""A dock: a column of panels that scrolls, as narrow as napari's canvas needs it.

napari only takes a dock's page off its frame when a person closes it by its x; all that the page
has connected would act on, seen by nobody. A page leaves: it disconnects what it and its panels
listen to, stops their work, and is deleted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import WeakMethod

from qtpy.QtCore import QEvent, QObject, QSize, Qt
from qtpy.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from napari_stem._napari.shell.panel import ignore_wheel
from napari_stem._napari.shell.worker import Job

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

    def stretch(self, part: QWidget) -> None:
        """Give a panel the height that the others leave."""
        self.widget().layout().setStretchFactor(part, 100)

    def sizeHint(self) -> QSize:
        """Narrow: napari's canvas needs the room."""
        return QSize(WIDTH, super().sizeHint().height())

    def changeEvent(self, event: QEvent) -> None:
        """Leave when napari has taken the page off."""
        if event.type() == QEvent.Type.ParentChange and self.parent() is None:
            self.leave()
        super().changeEvent(event)

    def leave(self) -> None:
        """Act no more, and be deleted; pages give back what else they have taken first."""
        for connection in self.findChildren(_Connection):
            connection.end()
        for job in self.findChildren(Job):
            job.stop()
        self.deleteLater()


def listen(owner: QObject, signal: Any, slot: Callable[..., object]) -> None:
    """Connect a signal of the state to a method while a widget, and the page it is on, is there.

    Signals of Qt's own end with their widgets and need none of this.
    """
    signal.connect(slot)
    _Connection(owner, signal, slot)


class _Connection(QObject):
    def __init__(self, owner: QObject, signal: Any, slot: Callable[..., object]) -> None:
        super().__init__(owner)
        self._signal, self._slot = signal, WeakMethod(slot)  # else no owner would go by itself
        owner.destroyed.connect(self.end)

    def end(self) -> None:
        if (slot := self._slot()) is not None:
            self._signal.disconnect(slot)
