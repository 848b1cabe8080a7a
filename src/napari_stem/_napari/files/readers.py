"""Opens slides, predictions, spots and checkpoints, also for File > Open and dropped files.

napari asks which plugin shall read a file or folder that several claim. The manifest therefore
claims only formats of scanners and of this plugin; all others are opened from its docks or by
File > IO Utilities.

napari also asks for the reader of a dropped file while its window waits. There, nothing is read:
a thread finds out what the file is, and what turns out not to be ours is handed back.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias
from weakref import ref

from napari import current_viewer
from napari.components import ViewerModel
from napari.utils.notifications import show_warning
from npe2 import PluginManager
from qtpy.QtWidgets import QApplication

from napari_stem._napari.canvas.attach import workspace_of
from napari_stem._napari.files.kinds import opening_of
from napari_stem._napari.shell.worker import notify, start
from napari_stem.events import Progress, finish

if TYPE_CHECKING:
    from napari.types import LayerData
    from napari.viewer import Viewer

    from napari_stem._napari.files.kinds import Opening
    from napari_stem.events import Events
    from napari_stem.slides.slide import Slide

Reader: TypeAlias = "Callable[[str], list[LayerData]]"

_OURS = "napari-stem"


class _Read(NamedTuple):
    """What was read, and how a viewer takes it."""

    found: Any
    take: Callable[[Any, Any], None]


def get_reader(path: str | list[str]) -> Reader | None:
    """The reader of a file or a folder; None if this plugin does not read it.

    In a window, the reader starts a thread and returns at once; the workspace and the canvas take
    the result when it is there, errors become notifications, and what is not ours is opened by
    another plugin. Without a window, the reader returns the layers.
    """
    if isinstance(path, list):
        return None  # a stack
    if (viewer := current_viewer()) is not None:
        return lambda _: _layers_later(viewer, Path(path))
    opening = opening_of(Path(path))
    return None if opening is None else lambda _: _layers(opening)


def open_in(viewer: Viewer, path: Path) -> None:
    """Open a file or a folder in a viewer, whoever claims it; a thread reads it."""
    _start(viewer, path, _refuse)


def _layers(opening: Opening) -> list[LayerData]:
    model = ViewerModel()
    opening.take(model, finish(opening.events(None)))
    return [layer.as_layer_data_tuple() for layer in model.layers]


def _layers_later(viewer: Viewer, path: Path) -> list[LayerData]:
    _start(viewer, path, _hand_back)
    return [(None,)]  # tells napari that the file was read and there is no layer to add


def _start(viewer: Viewer, path: Path, otherwise: Callable[[Viewer, Path], None]) -> None:
    job = start(_read(path, workspace_of(viewer).slide), QApplication.instance())
    job.result.connect(partial(_take_if_there, ref(viewer), path, otherwise))


def _read(path: Path, shown: Slide | None) -> Events[_Read | None]:
    """Find out what a file is and read it; None if it is not ours."""
    yield Progress(0, 0, "open", path.name)
    opening = opening_of(path)
    return None if opening is None else _Read((yield from opening.events(shown)), opening.take)


def _take_if_there(
    viewer_ref: ref[Any], path: Path, otherwise: Callable[[Any, Path], None], read: _Read | None
) -> None:
    if (viewer := viewer_ref()) is None:
        return
    if read is None:
        otherwise(viewer, path)
    else:
        read.take(viewer, read.found)


def _refuse(_: Viewer, path: Path) -> None:
    show_warning(
        f"Stem cannot open {path.name}. It opens RGB slides, predictions and their exports, "
        "spots with coordinates, and checkpoints."
    )


def _hand_back(viewer: Viewer, path: Path) -> None:
    """Let the next plugin that claims a file open it."""
    readers = PluginManager.instance().iter_compatible_readers([str(path)])
    others = (reader.plugin_name for reader in readers if reader.plugin_name != _OURS)
    if (other := next(others, None)) is None:
        _refuse(viewer, path)
        return
    try:
        viewer.open(path, plugin=other)
    except Exception as error:  # noqa: BLE001  # whatever another plugin raises
        notify(error)
