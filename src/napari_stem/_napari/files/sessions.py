"""Saves and opens sessions, from napari's File menu."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from weakref import ref

from napari.utils.notifications import show_info
from napari.viewer import Viewer  # napari reads the annotation when it runs the command
from qtpy.QtWidgets import QInputDialog

from napari_stem._napari.canvas.attach import workspace_of
from napari_stem._napari.canvas.drawn_region import draw_again
from napari_stem._napari.files.launch import kept_result
from napari_stem._napari.files.opening import describe_checkpoint
from napari_stem._napari.keeping.open_slides import open_slides
from napari_stem._napari.keeping.saved_session import SavedRequest, SavedSlide, read_session
from napari_stem._napari.keeping.session_folder import INDEX, OpenSlide, SessionFolder
from napari_stem._napari.shell.dialogs import ask_folder
from napari_stem._napari.shell.docks import unwrapped, window_of
from napari_stem._napari.shell.remembered import remember, remembered
from napari_stem._napari.shell.worker import Job, start
from napari_stem._napari.state.request import PredictRequest
from napari_stem._napari.state.result import Result
from napari_stem._napari.state.workspace import Workspace
from napari_stem.storage import content_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from napari_stem._napari.state.checkpoint import ChosenCheckpoint
    from napari_stem._napari.state.kept_result import KeptResult
    from napari_stem.events import Events
    from napari_stem.slides.slide import Slide

_RECENT, _MOST_RECENT = "recent_sessions", 8


class Opened(NamedTuple):
    """A session as it was read, with its checkpoints by their paths."""

    slides: Sequence[SavedSlide]
    checkpoints: Mapping[Path, ChosenCheckpoint]


def ask_to_save(viewer: Viewer) -> None:
    """Ask for a folder, and write the open slides with spots, results and points into it."""
    viewer = unwrapped(viewer)
    workspace = workspace_of(viewer)
    if folder := _ask_folder(viewer, "Save session"):
        slides = open_slides(workspace)
        job = start(SessionFolder(folder).save(slides), window_of(viewer))
        job.result.connect(partial(_note, workspace, folder, slides))


def ask_to_open(viewer: Viewer) -> None:
    """Ask for the folder of a session, and open its slides beside those that are open."""
    viewer = unwrapped(viewer)
    if folder := _ask_folder(viewer, "Open session"):
        open_session(viewer, folder)


def ask_for_recent(viewer: Viewer) -> None:
    """Ask for one of the sessions that were saved or opened last, and open it."""
    viewer = unwrapped(viewer)
    folders = [str(folder) for folder in recent()]
    if not folders:
        show_info("No session was saved yet. Save one with File > IO Utilities.")
        return
    title, about = "Open recent session", "Session, the latest first:"
    chosen, agreed = QInputDialog.getItem(window_of(viewer), title, about, folders, 0, False)
    if agreed:
        open_session(viewer, Path(chosen))


def open_session(viewer: Viewer, folder: Path) -> Job:
    """Open the slides of a session that the user saved, beside those that are open."""
    job = start(read(folder), window_of(viewer))
    job.result.connect(partial(_take_if_there, ref(viewer), folder))
    return job


def recent() -> list[Path]:
    """The sessions that were saved or opened last, as far as they are there."""
    folders = map(Path, remembered(_RECENT, []))
    return [folder for folder in folders if (folder / INDEX).is_file()]


def read(folder: Path) -> Events[Opened]:
    """Read a session, and of its checkpoints those whose files are what they were."""
    slides = yield from read_session(folder)
    known = [result.request for one in slides for result in one.results]
    requests = [request for request in (*known, *(one.running for one in slides)) if request]
    contents = {request.checkpoint: request.content for request in requests}
    checkpoints = {}
    for path, content in contents.items():
        if path.is_file() and content_of(path) == content:
            checkpoints[path] = yield from describe_checkpoint(path)
    return Opened(slides, checkpoints)


def take_session(viewer: Viewer, opened: Opened, *, is_saved: bool) -> None:
    """Show the slides of a session; `is_saved` if its folder is one that the user chose."""
    workspace = workspace_of(viewer)
    for one in opened.slides:
        workspace.take_slide(one.slide)
        slide = workspace.slide or one.slide  # the same slide, if it was open already
        first = len(workspace.results)
        for saved in one.results:
            request = _request(slide, saved.request, opened)
            result = Result.of_prediction(slide, saved.prediction, request)
            workspace.add_result(kept_result(saved.name, result, saved.view, is_saved=is_saved))
        if one.shown >= 0:
            workspace.show_result(first + one.shown)
        if one.spots is not None:
            workspace.take_spots(slide, one.spots, whole=one.whole)
        workspace.restore_points(one.points, are_saved=is_saved)
        draw_again(viewer, slide, one.shapes)
        if is_saved:
            workspace.take_saved_places(regions=one.shapes)
        if running := _request(slide, one.running, opened):
            workspace.interrupted = running
            workspace.checkpoint = workspace.checkpoint or running.checkpoint
    shown = workspace.result
    if workspace.checkpoint is None and shown is not None and shown.request is not None:
        workspace.checkpoint = shown.request.checkpoint


def _request(slide: Slide, request: SavedRequest | None, opened: Opened) -> PredictRequest | None:
    """A saved request, by which a result can continue; None without its checkpoint."""
    if request is None or request.checkpoint not in opened.checkpoints:
        return None
    checkpoint = opened.checkpoints[request.checkpoint]
    return PredictRequest(
        slide, request.spots, checkpoint, request.options, whole=request.whole, name=request.name
    )


def _take_if_there(viewer_ref: ref[Viewer], folder: Path, opened: Opened) -> None:
    _remember(folder)
    if (viewer := viewer_ref()) is not None:
        take_session(viewer, opened, is_saved=True)


def _note(
    workspace: Workspace,
    folder: Path,
    slides: Sequence[OpenSlide],
    written: Iterable[KeptResult],
) -> None:
    for kept in written:
        workspace.take_saved(kept.content)
    for one in slides:
        if one.can_return:
            workspace.take_saved_places(one.points, one.shapes)
    _remember(folder)
    show_info(f"Session saved: {folder.name}")


def _remember(folder: Path) -> None:
    others = [other for other in remembered(_RECENT, []) if other != str(folder)]
    remember(**{_RECENT: [str(folder), *others][:_MOST_RECENT]})


def _ask_folder(viewer: Viewer, title: str) -> Path | None:
    return ask_folder(window_of(viewer), workspace_of(viewer), title, "session")
