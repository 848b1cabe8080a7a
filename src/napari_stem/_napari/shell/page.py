"""The base class of docks: a narrow scrolling column of panels, which cleans up when closed.

When a user closes a dock by its x, napari only removes the page from its frame: its connections
would stay alive unseen. A page therefore disconnects itself and its panels, stops their jobs and
deletes itself. When a user hides a dock by its eye, the page stays and gives the mouse back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import WeakMethod

from qtpy.QtCore import QEvent, QObject, QSize, Qt, QTimer
from qtpy.QtGui import QHideEvent, QShowEvent
from qtpy.QtWidgets import (
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDockWidget,
    QFrame,
    QMainWindow,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from napari_stem._napari.shell.worker import Job

WIDTH = 300


class Page(QScrollArea):
    """A dock's inner widget."""

    _joined = False  # the user may have moved it since

    def fill(self, *parts: QWidget) -> None:
        """Stack panels in a column."""
        page = QWidget()
        column = QVBoxLayout(page)
        column.setSpacing(4)
        column.setContentsMargins(4, 4, 4, 4)
        for part in parts:
            column.addWidget(part)
        column.addStretch(1)
        ignore_wheel(page)
        self.setWidget(page)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMinimumWidth(WIDTH)

    def stretch(self, part: QWidget) -> None:
        """Let a panel fill the remaining height."""
        self.widget().layout().setStretchFactor(part, 100)

    def settle(self) -> None:
        """Lay out at once what has changed; Qt does it in steps, which would be seen one by one."""
        for part in reversed(self.findChildren(QWidget)):  # the innermost first
            if part.layout() is not None:
                part.layout().activate()
        QApplication.sendEvent(self, QEvent(QEvent.Type.LayoutRequest))

    def sizeHint(self) -> QSize:
        """As narrow as possible, since the canvas needs the space."""
        return QSize(WIDTH, super().sizeHint().height())

    def changeEvent(self, event: QEvent) -> None:
        """Clean up when napari has removed the page from its frame."""
        if event.type() == QEvent.Type.ParentChange and self.parent() is None:
            self.leave()
        super().changeEvent(event)

    def showEvent(self, event: QShowEvent) -> None:
        """Lie as a tab behind or before the other pages, whichever menu opened it."""
        super().showEvent(event)
        if not (event.spontaneous() or self._joined):
            soon = QTimer(self, singleShot=True)  # napari is about to place the dock
            soon.timeout.connect(self._join_tabs)
            soon.start(0)

    def _join_tabs(self) -> None:
        own, window = _frame_of(self), self.window()
        if self._joined or own is None or not isinstance(window, QMainWindow):
            return
        self._joined = True
        others = [_frame_of(page) for page in window.findChildren(Page) if page is not self]
        for other in others:
            if other is not None and not other.isFloating() and other.isVisible():
                if other not in window.tabifiedDockWidgets(own):
                    window.tabifyDockWidget(other, own)
                own.raise_()
                return

    def hideEvent(self, event: QHideEvent) -> None:
        """Give the mouse back when the dock is hidden; a minimised window hides nothing."""
        if not event.spontaneous():
            self.release_mouse()
        super().hideEvent(event)

    def release_mouse(self) -> None:
        """Switch off the mouse tool of the dock, if it has one."""

    def leave(self) -> None:
        """Disconnect, stop all jobs and delete the page; subclasses first free what they hold."""
        self.release_mouse()
        for connection in self.findChildren(_Connection):
            connection.end()
        for job in self.findChildren(Job):
            job.stop()
        self.deleteLater()


def _frame_of(page: Page) -> QDockWidget | None:
    """The frame in which napari puts a page."""
    widget = page.parentWidget()
    while widget is not None and not isinstance(widget, QDockWidget):
        widget = widget.parentWidget()
    return widget


def listen(owner: QObject, signal: Any, slot: Callable[..., object]) -> None:
    """Connect a signal of the state to a method until the owner or its page is gone.

    Qt's own signals end with their widgets and do not need this.
    """
    signal.connect(slot)
    _Connection(owner, signal, slot)


def ignore_wheel(page: QWidget) -> None:
    """Let the mouse wheel scroll the page instead of changing the control below the mouse."""
    for kind in (QAbstractSpinBox, QComboBox, QAbstractSlider):  # PySide takes no tuple
        for control in page.findChildren(kind):
            control.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            control.installEventFilter(_WheelFilter(control))


class _Connection(QObject):
    def __init__(self, owner: QObject, signal: Any, slot: Callable[..., object]) -> None:
        super().__init__(owner)
        self._signal, self._slot = signal, WeakMethod(slot)  # else it would keep its owner alive
        owner.destroyed.connect(self.end)

    def end(self) -> None:
        if (slot := self._slot()) is not None:
            self._signal.disconnect(slot)


class _WheelFilter(QObject):
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() != QEvent.Type.Wheel:
            return False
        event.ignore()  # the scroll area takes it
        return True
