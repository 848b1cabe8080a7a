"""Sample slides for File > Open Sample."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING
from weakref import ref

from napari import current_viewer
from qtpy.QtCore import QEventLoop, QTimer
from qtpy.QtWidgets import QApplication

from napari_stem._napari.canvas.attach import workspace_of
from napari_stem._napari.canvas.layers import slide_layer
from napari_stem._napari.files.opening import describe_checkpoint
from napari_stem._napari.shell.choices import choose_checkpoint
from napari_stem._napari.shell.imports import importing
from napari_stem._napari.shell.worker import start
from napari_stem.checkpoints.starter import starter_file
from napari_stem.errors import SlideError, StemError
from napari_stem.events import Progress, finish

if TYPE_CHECKING:
    from napari.types import LayerData
    from napari.viewer import Viewer

    from napari_stem.events import Events
    from napari_stem.sections.section import Section

_GENERATED, _HER2ST = "generated:7", "her2st:C5"


def generated_slide() -> list[LayerData]:
    """A generated H&E slide, always the same; it needs no download."""
    return _open(_GENERATED, with_spots=False)


def her2st_section() -> list[LayerData]:
    """A section of a HER2+ breast tumour with measured spots; downloaded at its first use.

    Raises
    ------
    SlideNotFound
        The download failed.
    """
    return _open(_HER2ST, with_spots=True)


def _open(name: str, *, with_spots: bool) -> list[LayerData]:
    viewer = current_viewer()
    section = finish(_read(name)) if viewer is None else _wait_for(_read(name))
    if isinstance(section, StemError):
        raise section
    if viewer is not None:
        # After napari has added the layer, which it does when this returns.
        QTimer.singleShot(0, partial(_take, ref(viewer), section, with_spots=with_spots))
    return [slide_layer(section.slide).as_layer_data_tuple()]


def _read(name: str) -> Events[Section | StemError]:
    """The sample, or why there is none, which napari tells."""
    yield Progress(0, 0, "read", name)
    with importing:
        from napari_stem.sections.public_data import sample_section

    try:
        return sample_section(name)
    except StemError as error:
        return error


def _wait_for(source: Events[Section | StemError]) -> Section | StemError:
    """Wait for a thread while the window goes on: napari wants the layer from this very call."""
    loop = QEventLoop()
    found: list[Section | StemError] = []
    job = start(source, QApplication.instance())
    job.result.connect(found.append)
    job.ended.connect(loop.quit)
    loop.exec()
    return found[0] if found else SlideError("The sample was not opened. Try again.")


def _take(viewer_ref: ref[Viewer], section: Section, *, with_spots: bool) -> None:
    if (viewer := viewer_ref()) is None:
        return
    workspace = workspace_of(viewer)
    workspace.take_slide(section.slide)
    if with_spots and workspace.slide is not None:
        workspace.take_spots(workspace.slide, section.spots)
    if workspace.checkpoint is None:
        read = start(describe_checkpoint(starter_file()), QApplication.instance())
        read.result.connect(partial(choose_checkpoint, workspace))
