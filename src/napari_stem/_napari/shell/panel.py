"""The base class of a dock's panels: a heading, rows of controls, a note, work in a thread."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from napari_stem._napari.shell.page import listen
from napari_stem._napari.shell.worker import message_of, notify, start
from napari_stem.slides.suffixes import SLIDES

if TYPE_CHECKING:
    from napari_stem._napari.state.workspace import Workspace

SLIDE_FILES = f"Slides ({' '.join(f'*{suffix}' for suffix in SLIDES)});;All files (*)"
_FAILED = "⚠ "
# napari's dark theme leaves boxes in tables and lists without an edge that is seen.
EDGED_BOXES = "::indicator:unchecked { border: 1px solid gray; width: 11px; height: 11px }"
WEIGHTS_FILES = "Weights (*.safetensors *.pth *.pt *.bin *.ckpt)"


class Panel(QWidget):
    """A section of a dock: a heading, controls in two columns, and a note about the state.

    Attributes
    ----------
    foldable
        Whether a click on the heading leaves one line of it, with the `summary`.
    """

    heading = ""
    foldable = False
    busy = Signal()  # work in a thread has begun or ended

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.workspace = workspace
        self.is_busy = False  # with work in a thread
        self._failure: Exception | None = None  # why the latest work failed
        self.note = QLabel()
        self.note.setWordWrap(True)
        policy = self.note.sizePolicy()  # which knows that a narrower note is taller
        policy.setHorizontalPolicy(QSizePolicy.Policy.Ignored)  # a long word widens no dock
        self.note.setSizePolicy(policy)
        self.note.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.is_folded = False
        self.title = _title_button() if self.foldable else QLabel(f"<b>{self.heading}</b>")
        self._body = QWidget()
        self._grid = QGridLayout(self._body)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setColumnStretch(1, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 4, 0, 4)
        column.addWidget(self.title)
        column.addWidget(self._body, 1)
        if isinstance(self.title, QPushButton):
            self.title.clicked.connect(self._toggle)
        self._retitle()

    def add_row(self, *widgets: QWidget, label: str = "") -> None:
        """Add a row of widgets, with a label in front if there is one."""
        row = self._grid.rowCount()
        side_by_side = QHBoxLayout()
        for widget in widgets:
            side_by_side.addWidget(widget)
        if label:
            self._grid.addWidget(QLabel(label), row, 0)
            self._grid.addLayout(side_by_side, row, 1)
        else:
            self._grid.addLayout(side_by_side, row, 0, 1, 2)

    def fold(self, folded: bool) -> None:
        """Leave one line of a foldable panel, or show all of it."""
        self.is_folded = folded
        self._body.setHidden(folded)
        self._retitle()

    def summary(self) -> str:
        """What the line says of a panel that is folded."""
        return ""

    def _toggle(self) -> None:
        self.fold(not self.is_folded)

    def _retitle(self) -> None:
        if isinstance(self.title, QPushButton):
            arrow, said = ("▸", self.summary()) if self.is_folded else ("▾", "")
            self.title.setText(f"{arrow} {self.heading}{said and ': '}{said}")

    def refresh(self) -> None:
        """Show the state of the workspace, for panels that show any of it."""

    def follow(self, *names: str) -> None:
        """Refresh at each change of these fields of the workspace."""
        for name in names:
            listen(self, self.workspace.events[name], self.refresh)
            listen(self, self.workspace.events[name], self._retitle)

    def run(
        self, source: Generator[Any, None, Any], say: str, then: Callable[[Any], object]
    ) -> None:
        """Run a generator in a thread, show a text meanwhile, and pass its result to `then`."""
        self.is_busy = True
        self.busy.emit()
        self.note.setText(say)
        self.setEnabled(False)
        job = start(source, self)
        job.result.connect(then)
        self._failure = None
        job.failed.connect(self._fail)
        job.ended.connect(self._rest)

    def _fail(self, error: Exception) -> None:
        self._failure = error
        self.fold(False)

    def refuse(self, error: Exception) -> None:
        """Show the state again, and why what the user wanted is not possible."""
        self.refresh()
        notify(error)
        complain(self.note, error)

    def _rest(self) -> None:
        self.is_busy = False
        self.setEnabled(True)
        self.refresh()
        if self._failure is not None:
            complain(self.note, self._failure)
        self.busy.emit()


def _title_button() -> QPushButton:
    made = button("", "Click to fold these settings to one line, or to show them.")
    made.setFlat(True)
    made.setStyleSheet(
        "text-align: left; font-weight: bold; background: none; border: none; padding: 0"
    )
    made.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
    return made


def complain(line: QLabel, error: Exception) -> None:
    """Keep what the notification of an error said, which vanishes, above the state on a line."""
    state = [told for told in line.text().split("\n") if not told.startswith(_FAILED)]
    line.setText("\n".join([f"{_FAILED}{message_of(error)}", *filter(None, state)]))
    line.show()


def button(text: str, tip: str) -> QPushButton:
    """A push button with its tooltip."""
    made = QPushButton(text)
    made.setToolTip(tip)
    return made


def menu_button(text: str, tip: str) -> QPushButton:
    """A push button that opens a menu, which is empty at first."""
    made = button(text, tip)
    made.setMenu(QMenu(made))
    return made
