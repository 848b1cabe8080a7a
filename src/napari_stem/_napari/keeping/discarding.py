"""Asks before results are discarded that no file holds, and writes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QMessageBox

from napari_stem._napari.keeping.exporting import ExportRequest
from napari_stem._napari.shell.choices import choose_export
from napari_stem._napari.shell.dialogs import ask_save, beside
from napari_stem._napari.shell.remembered import with_slide_path
from napari_stem._napari.shell.worker import start
from napari_stem._napari.state.saved_view import View
from napari_stem.events import Events
from napari_stem.text import counted

if TYPE_CHECKING:
    from qtpy.QtWidgets import QWidget

    from napari_stem._napari.state.kept_result import KeptResult
    from napari_stem._napari.state.unsaved import Unsaved
    from napari_stem._napari.state.workspace import Workspace

_SUFFIX = ".h5ad"  # which opens here again, with clusters and view


def discard(
    parent: QWidget,
    workspace: Workspace,
    lost: Unsaved,
    title: str,
    then: Callable[[], object],
) -> None:
    """Call `then`, which discards results: at once, or after they were exported or given up.

    It is not called if the user cancels, or if a result cannot be written.

    Parameters
    ----------
    title
        What the user does, for example "Close slide".
    """
    if not any(lost):
        then()
        return
    match _ask(parent, title, lost):
        case QMessageBox.ButtonRole.AcceptRole:
            export(parent, workspace, _complete(lost.results), then)
        case QMessageBox.ButtonRole.DestructiveRole:
            then()


def export(
    parent: QWidget,
    workspace: Workspace,
    results: Sequence[KeptResult],
    then: Callable[[], object] | None = None,
) -> None:
    """Ask where to write complete results, and write them; then call `then` if all are written."""
    requests = []
    for kept in results:
        folder = Path(beside(kept.result.slide, workspace.export_folder))
        proposal = folder / f"{workspace.name_of(kept.result.slide)} {kept.name}{_SUFFIX}"
        path = ask_save(parent, "Export result", proposal, kind="AnnData", suffix=_SUFFIX)
        if path is None:
            return
        choose_export(workspace, path, workspace.export_format)
        requests.append(_request(workspace, kept, path))
    job = start(_written(requests), parent.window())
    job.result.connect(partial(_note, workspace, tuple(results), requests, then))


def _ask(parent: QWidget, title: str, lost: Unsaved) -> QMessageBox.ButtonRole:
    box = QMessageBox(parent)
    box.setWindowTitle(title)
    box.setText(f"This discards {_named(lost)}.")
    box.setInformativeText(_how_to_keep(lost))
    if _complete(lost.results):
        box.addButton("Export…", QMessageBox.ButtonRole.AcceptRole)
    box.addButton("Discard", QMessageBox.ButtonRole.DestructiveRole)
    cancel = box.addButton("Cancel", QMessageBox.ButtonRole.RejectRole)
    box.setDefaultButton(cancel)
    box.setEscapeButton(cancel)
    box.exec()
    role = box.buttonRole(box.clickedButton())
    box.deleteLater()
    return role


def _complete(results: Sequence[KeptResult]) -> list[KeptResult]:
    return [kept for kept in results if kept.result.prediction is not None]


def _how_to_keep(lost: Unsaved) -> str:
    complete = _complete(lost.results)
    lines = ["Export first to keep the work."] if complete else []
    if len(complete) < len(lost.results):
        lines.append("A prediction that is not complete cannot be exported.")
    exported = {kept.result.slide.fingerprint for kept in complete}  # with points and regions
    if any(point.slide.fingerprint not in exported for point in lost.points):
        lines.append("Points are saved in the Inspect dock.")
    if any(region.slide not in exported for region in lost.regions):
        lines.append("Regions are saved with a session: File > IO Utilities.")
    return "\n".join(lines)


def _named(lost: Unsaved) -> str:
    n_results, n_points, n_regions = map(len, lost)
    names = ", ".join(f"'{kept.name}'" for kept in lost.results)
    results = f"{_not_yet(n_results, 'result', 'exported')}: {names}" if names else ""
    inspected = _not_yet(n_points, "inspected point", "saved") if n_points else ""
    drawn = _not_yet(n_regions, "drawn region", "saved") if n_regions else ""
    return ", and ".join(filter(None, (inspected, drawn, results)))


def _not_yet(number: int, what: str, done: str) -> str:
    return f"{counted(number, what)} that {'was' if number == 1 else 'were'} not {done}"


def _request(workspace: Workspace, kept: KeptResult, path: Path) -> ExportRequest:
    assert kept.result.prediction is not None  # otherwise Export is not offered
    return ExportRequest(
        kept.result.prediction,
        path,
        View.of(kept),
        with_slide_path=with_slide_path(),
        points=workspace.points_of(kept.result.slide),
        drawn=workspace.regions_of(kept.result.slide),
    )


def _written(requests: Sequence[ExportRequest]) -> Events[None]:
    for request in requests:
        yield from request.events()


def _note(
    workspace: Workspace,
    results: Sequence[KeptResult],
    requests: Sequence[ExportRequest],
    then: Callable[[], object] | None,
    _: object,
) -> None:
    for kept in results:
        workspace.take_saved(kept.content)
    for request in requests:
        workspace.take_saved_places(request.points, request.drawn)
    if then is not None:
        then()
