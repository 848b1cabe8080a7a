"""Questions that the docks ask in a window of their own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QFileDialog, QMessageBox

if TYPE_CHECKING:
    from qtpy.QtWidgets import QWidget


def is_wanted(parent: QWidget, title: str, question: str) -> bool:
    """Whether a person answers Yes."""
    answer = QMessageBox.question(parent, title, question)
    return bool(answer == QMessageBox.StandardButton.Yes)


def ask_save(parent: QWidget, title: str, proposal: Path, *, kind: str, suffix: str) -> Path | None:
    """Where to write a file of a kind, with its suffix; None where it is not wanted."""
    typed, _ = QFileDialog.getSaveFileName(parent, title, str(proposal), f"{kind} (*{suffix})")
    if not typed:
        return None
    path = _with_suffix(Path(typed), suffix)
    asked = path == Path(typed)  # by the dialog, which knows what was typed
    if asked or not path.exists() or is_wanted(parent, title, f"Replace '{path.name}'?"):
        return path
    return None


def _with_suffix(path: Path, suffix: str) -> Path:
    """The path as the format needs it, whatever was typed; a dot may be part of a name."""
    return path if path.name.lower().endswith(suffix) else path.with_name(path.name + suffix)
