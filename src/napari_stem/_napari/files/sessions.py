"""Saves and opens sessions, from napari's File menu."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import ref

from napari.utils.notifications import show_info
from napari.viewer import Viewer  # napari reads the annotation when it runs the command
from qtpy.QtWidgets import QFileDialog

from napari_stem._napari.canvas.attach import workspace_of
from napari_stem._napari.files.launch import fill
from napari_stem._napari.files.session_folder import (
    SavedSlide,
    open_slides,
    read_session,
    save_session,
)
from napari_stem._napari.shell.docks import unwrapped, window_of
from napari_stem._napari.shell.remembered import remember, remembered
from napari_stem._napari.shell.worker import start
from napari_stem._napari.state.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from napari_stem._napari.state.kept_result import KeptResult


def ask_to_save(viewer: Viewer) -> None:
    """Ask for a folder, and write the open slides with spots, results and points into it."""
    viewer = unwrapped(viewer)
    workspace = workspace_of(viewer)
    if folder := _ask_folder(viewer, "Save session"):
        job = start(save_session(open_slides(workspace), folder), window_of(viewer))
        job.result.connect(partial(_note, workspace, folder))


def ask_to_open(viewer: Viewer) -> None:
    """Ask for the folder of a session, and open its slides beside those that are open."""
    viewer = unwrapped(viewer)
    if folder := _ask_folder(viewer, "Open session"):
        job = start(read_session(folder), window_of(viewer))
        job.result.connect(partial(_take_if_there, ref(viewer)))


def take_session(viewer: Viewer, slides: Iterable[SavedSlide]) -> None:
    """Show the slides of a session."""
    workspace = workspace_of(viewer)
    for one in slides:
        workspace.take_slide(one.slide)
        for name, prediction in one.results:
            fill(viewer, one.slide, prediction, name=name)
        first = len(workspace.results) - len(one.results)
        if one.shown >= 0:
            workspace.show_result(first + one.shown)
        if one.spots is not None:
            workspace.take_spots(one.slide, one.spots)


def _take_if_there(viewer_ref: ref[Viewer], slides: Sequence[SavedSlide]) -> None:
    if (viewer := viewer_ref()) is not None:
        take_session(viewer, slides)


def _note(workspace: Workspace, folder: Path, written: Iterable[KeptResult]) -> None:
    for kept in written:
        workspace.take_saved(kept.result, kept.clusters)
    show_info(f"Session saved: {folder}")


def _ask_folder(viewer: Viewer, title: str) -> Path | None:
    last = remembered("session_folder", "")
    folder = QFileDialog.getExistingDirectory(window_of(viewer), title, last)
    if not folder:
        return None
    remember(session_folder=folder)
    return Path(folder)
