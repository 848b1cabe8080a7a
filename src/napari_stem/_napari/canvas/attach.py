"""The workspace of a viewer, with the canvas that draws it and the threads of its jobs."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakKeyDictionary, ref

from qtpy.QtCore import QTimer

from napari_stem._napari.canvas import layers
from napari_stem._napari.canvas.autosave import Autosave
from napari_stem._napari.canvas.canvas import Canvas
from napari_stem._napari.canvas.quitting import AskBeforeQuitting
from napari_stem._napari.canvas.slide_views import SlideViews
from napari_stem._napari.shell.cache_limit import follow_preference
from napari_stem._napari.shell.choices import last_choices
from napari_stem._napari.shell.docks import is_open, open_dock, unwrapped, window_of
from napari_stem._napari.shell.shortcuts import INSPECT
from napari_stem._napari.shell.worker import start
from napari_stem._napari.state.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from napari.viewer import Viewer

INSPECTING = "inspect"  # the mouse tool of the Inspect dock


def workspace_of(viewer: Viewer) -> Workspace:
    """The workspace of a viewer, made at the first call; it lives as long as the viewer."""
    if viewer not in _attached:
        follow_preference()
        workspace = Workspace(**last_choices(), start_job=partial(_start_job, ref(viewer)))
        _attached[viewer] = workspace, Canvas(viewer, workspace), SlideViews(viewer, workspace)
        if hasattr(viewer, "window"):  # a model of a viewer has none
            QTimer.singleShot(0, layers.parse_units)  # while the user chooses a slide
            window = window_of(unwrapped(viewer))
            Autosave(window, unwrapped(viewer), workspace)
            AskBeforeQuitting(window, workspace)  # its filter comes before the other one's
            with suppress(ValueError):  # another plugin has taken the key
                viewer.bind_key(INSPECT.keys.replace("+", "-"), _switch_inspecting)
    return _attached[viewer][0]


def canvas_of(viewer: Viewer) -> Canvas:
    """The canvas of a viewer that has a workspace."""
    return _attached[viewer][1]


def autosave_of(viewer: Viewer) -> Autosave:
    """The autosave of a viewer that has a window and a workspace."""
    return cast("Autosave", window_of(viewer).findChild(Autosave))


def _switch_inspecting(viewer: Viewer) -> None:
    """Show the Inspect dock, which is made if there is none, and switch its mouse tool."""
    workspace = workspace_of(viewer)
    open_dock(viewer, "Inspect")
    workspace.tool = "" if workspace.tool == INSPECTING else INSPECTING


def _start_job(
    viewer_ref: ref[Viewer],
    source: Generator[Any, None, Any],
    *,
    told: Callable[[Any], None],
    result: Callable[[Any], object],
    ended: Callable[[], object],
) -> Callable[[], object]:
    """Start a job in a thread that ends with the window, not with the dock that started it."""
    viewer = viewer_ref()
    if viewer is None or not is_open(viewer):
        ended()  # with the window, which has just closed
        return source.close
    job = start(source, window_of(viewer))
    job.told.connect(told)
    job.result.connect(result)
    job.ended.connect(ended)
    return job.stop


_attached: WeakKeyDictionary[Viewer, tuple[Workspace, Canvas, SlideViews]] = WeakKeyDictionary()
