"""All keyboard shortcuts; none takes one of napari's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence, QShortcut

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtWidgets import QWidget


@dataclass(frozen=True, slots=True)
class Shortcut:
    """A key and its action.

    Attributes
    ----------
    in_dock
        Whether it works only while the focus is in its dock; otherwise, wherever it is.
    """

    keys: str
    what: str
    in_dock: bool = False

    @property
    def text(self) -> str:
        """The key as the operating system writes it."""
        return str(QKeySequence(self.keys).toString(QKeySequence.SequenceFormat.NativeText))

    def bind(self, owner: QWidget, action: Callable[[], object], *controls: QWidget) -> None:
        """Bind the key while `owner` is in the window; the tooltips of controls name it."""
        made = QShortcut(QKeySequence(self.keys), owner)
        made.setObjectName(self.keys)
        if self.in_dock:
            made.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        made.activated.connect(action)
        for control in controls:
            control.setToolTip(f"{control.toolTip()} {self.what}: {self.text}.")


PREDICT = Shortcut("Ctrl+Return", "Predict, or stop predicting")
NEXT_GENE = Shortcut("Ctrl+PgDown", "Next gene")
PREVIOUS_GENE = Shortcut("Ctrl+PgUp", "Previous gene")
HEATMAP = Shortcut("Ctrl+Shift+H", "Show or hide heatmap")
SPREAD = Shortcut("Ctrl+Shift+D", "Show mean or SD")
INSPECT = Shortcut("Alt+I", "Inspect where you click")
UNDO = Shortcut("Ctrl+Z", "Undo (Clusters, Explore)", in_dock=True)
REDO = Shortcut("Ctrl+Shift+Z", "Redo (Clusters, Explore)", in_dock=True)
RENAME = Shortcut("F2", "Rename what is selected", in_dock=True)
LEAVE = Shortcut("Esc", "End the mouse tool")
SHORTCUTS = (PREDICT, NEXT_GENE, PREVIOUS_GENE, HEATMAP, SPREAD, INSPECT, UNDO, REDO, RENAME, LEAVE)


def legend() -> str:
    """All shortcuts with their actions, as rich text."""
    rows = (f"<tr><td>{key.text}&nbsp;</td><td>{key.what}</td></tr>" for key in SHORTCUTS)
    return f"<table>{''.join(rows)}</table>"
