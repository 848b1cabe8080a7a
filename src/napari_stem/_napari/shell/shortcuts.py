"""Keys of the docks, all in one place; none of them is napari's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qtpy.QtGui import QKeySequence, QShortcut

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtWidgets import QWidget


@dataclass(frozen=True, slots=True)
class Shortcut:
    """A key, and what it does wherever the focus is in the window."""

    keys: str
    what: str

    @property
    def text(self) -> str:
        """The key as the system writes it."""
        return str(QKeySequence(self.keys).toString(QKeySequence.SequenceFormat.NativeText))

    def bind(self, owner: QWidget, action: Callable[[], object], *controls: QWidget) -> None:
        """Do something at the key while `owner` is in the window, and say so in tooltips."""
        made = QShortcut(QKeySequence(self.keys), owner)
        made.setObjectName(self.keys)
        made.activated.connect(action)
        for control in controls:
            control.setToolTip(f"{control.toolTip()} {self.what}: {self.text}.")


PREDICT = Shortcut("Ctrl+Return", "Predict or stop")
NEXT_GENE = Shortcut("Ctrl+PgDown", "Next gene")
PREVIOUS_GENE = Shortcut("Ctrl+PgUp", "Previous gene")
HEATMAP = Shortcut("Ctrl+Shift+H", "Heatmap on or off")
SPREAD = Shortcut("Ctrl+Shift+D", "Mean or SD")
SHORTCUTS = (PREDICT, NEXT_GENE, PREVIOUS_GENE, HEATMAP, SPREAD)


def legend() -> str:
    """All keys and what they do, as rich text."""
    rows = (f"<tr><td>{key.text}&nbsp;</td><td>{key.what}</td></tr>" for key in SHORTCUTS)
    return f"<table>{''.join(rows)}</table>"
