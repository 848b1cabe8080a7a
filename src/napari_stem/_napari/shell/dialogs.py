"""Dialogs: yes-or-no questions, where files are chosen and saved, and where others open them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import QUrl
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import QFileDialog, QMessageBox

from napari_stem._napari.shell.choices import choose_folder

if TYPE_CHECKING:
    from qtpy.QtWidgets import QWidget

    from napari_stem._napari.state.workspace import Workspace
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


def first_folder(workspace: Workspace, kind: str, default: Path | str = "") -> str:
    """The folder where a dialog for a kind of file starts."""
    return beside(workspace.slide, workspace.last.folders.get(kind, str(default)))


def ask_file(
    parent: QWidget,
    workspace: Workspace,
    title: str,
    kind: str,
    files: str = "",
    *,
    default: Path | str = "",
    near: Path | None = None,
) -> Path | None:
    """The file that the user chooses; None if the user cancels.

    Parameters
    ----------
    kind
        What is chosen: the folder used last is remembered for each kind of file.
    files
        Filters of the dialog, all files if "".
    default
        Where to start without a slide, the first time.
    near
        A file that the chosen one belongs to: the dialog starts in its folder.
    """
    folder = str(near.parent) if near is not None else first_folder(workspace, kind, default)
    path, _ = QFileDialog.getOpenFileName(parent, title, folder, files)
    return _noted(workspace, kind, path)


def ask_files(
    parent: QWidget, workspace: Workspace, title: str, kind: str, files: str
) -> list[Path]:
    """The files that the user chooses, none if the user cancels; see `ask_file`."""
    folder = first_folder(workspace, kind)
    paths, _ = QFileDialog.getOpenFileNames(parent, title, folder, files)
    return [path for path in (_noted(workspace, kind, path) for path in paths) if path]


def ask_folder(
    parent: QWidget, workspace: Workspace, title: str, kind: str, *, default: Path | str = ""
) -> Path | None:
    """The folder that the user chooses; None if the user cancels; see `ask_file`."""
    folder = first_folder(workspace, kind, default)
    return _noted(workspace, kind, QFileDialog.getExistingDirectory(parent, title, folder))


def _noted(workspace: Workspace, kind: str, typed: str) -> Path | None:
    """What was chosen; the next dialog of its kind starts in its folder."""
    if not typed:
        return None
    path = Path(typed)
    choose_folder(workspace, kind, path.parent)
    return path


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
