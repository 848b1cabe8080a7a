"""Dialogs: yes-or-no questions, where files are chosen and saved, and where others open them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import QUrl
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import QFileDialog, QMessageBox

if TYPE_CHECKING:
    from qtpy.QtWidgets import QWidget

    from napari_stem.slides.slide import Slide


def is_wanted(parent: QWidget, title: str, question: str) -> bool:
    """Whether the user answers Yes."""
    answer = QMessageBox.question(parent, title, question)
    return bool(answer == QMessageBox.StandardButton.Yes)


def beside(slide: Slide | None, last: str) -> str:
    """The folder where a file dialog starts: that of the slide, or else the one used last."""
    if slide is not None and slide.path is not None:
        return str(slide.path.parent)
    return last


def ask_save(parent: QWidget, title: str, proposal: Path, *, kind: str, suffix: str) -> Path | None:
    """The path to save a file to, with the suffix of its format; None if the user cancels."""
    typed, _ = QFileDialog.getSaveFileName(parent, title, str(proposal), f"{kind} (*{suffix})")
    if not typed:
        return None
    path = _with_suffix(Path(typed), suffix)
    asked = path == Path(typed)  # the dialog has asked already, for the path as typed
    if asked or not path.exists() or is_wanted(parent, title, f"Replace '{path.name}'?"):
        return path
    return None


def open_outside(path: Path) -> None:
    """Open a file or folder in the program that the system has for it, such as the browser."""
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(path)))


def _with_suffix(path: Path, suffix: str) -> Path:
    """The path with the suffix of its format; other dots are part of the name."""
    return path if path.name.lower().endswith(suffix) else path.with_name(path.name + suffix)
