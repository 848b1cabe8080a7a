"""Questions that the docks ask in a window of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QMessageBox

if TYPE_CHECKING:
    from qtpy.QtWidgets import QWidget


def is_wanted(parent: QWidget, title: str, question: str) -> bool:
    """Whether a person answers Yes."""
    answer = QMessageBox.question(parent, title, question)
    return bool(answer == QMessageBox.StandardButton.Yes)
