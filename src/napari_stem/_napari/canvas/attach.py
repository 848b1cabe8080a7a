"""A viewer's workspace, with the views that show it and the thread in which it predicts."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, ref

from napari_stem._napari.canvas.canvas import Canvas
from napari_stem._napari.canvas.slide_layers import Looks
from napari_stem._napari.shell.docks import window_of
from napari_stem._napari.shell.worker import start
from napari_stem._napari.state.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from napari.viewer import Viewer


def workspace_of(viewer: Viewer) -> Workspace:
    """The workspace of a viewer; it lives as long as the viewer and is drawn on its canvas."""
    if viewer not in _attached:
        workspace = Workspace(start_job=partial(_start_job, ref(viewer)))
        _attached[viewer] = workspace, Canvas(viewer, workspace), Looks(viewer, workspace)
    return _attached[viewer][0]


def _start_job(
    viewer_ref: ref[Viewer],
    source: Generator[Any, None, Any],
    *,
    told: Callable[[Any], None],
    result: Callable[[Any], object],
    ended: Callable[[], object],
) -> Callable[[], object]:
    """Work in a thread that ends with the window, not with the dock that asked for it."""
    viewer = viewer_ref()
    assert viewer is not None  # a dock of its window has asked
    job = start(source, window_of(viewer))
    job.told.connect(told)
    job.result.connect(result)
    job.ended.connect(ended)
    return job.stop


_attached: WeakKeyDictionary[Viewer, tuple[Workspace, Canvas, Looks]] = WeakKeyDictionary()
