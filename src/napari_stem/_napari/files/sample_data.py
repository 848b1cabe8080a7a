"""Sample slides for File > Open Sample."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING
from weakref import ref

from napari import current_viewer
from qtpy.QtCore import QTimer

from napari_stem._napari.canvas.attach import workspace_of
from napari_stem._napari.canvas.layers import slide_layer
from napari_stem._napari.shell.imports import importing

if TYPE_CHECKING:
    from napari.types import LayerData
    from napari.viewer import Viewer

    from napari_stem.sections.section import Section

_HER2ST = "her2st:C5"


def generated_slide() -> list[LayerData]:
    """A generated H&E slide, always the same; it needs no download."""
    with importing:
        from napari_stem.sections.synthetic import generate_section

    return _open(generate_section("generated", seed=7), with_spots=False)


def her2st_section() -> list[LayerData]:
    """A section of a HER2+ breast tumour with measured spots; downloaded at its first use.

    Raises
    ------
    SlideNotFound
        The download failed.
    """
    with importing:
        from napari_stem.sections.public_data import sample_section

    return _open(sample_section(_HER2ST), with_spots=True)


def _open(section: Section, *, with_spots: bool) -> list[LayerData]:
    if (viewer := current_viewer()) is not None:
        # After napari has added the layer, which it does when this returns.
        QTimer.singleShot(0, partial(_take, ref(viewer), section, with_spots=with_spots))
    return [slide_layer(section.slide).as_layer_data_tuple()]


def _take(viewer_ref: ref[Viewer], section: Section, *, with_spots: bool) -> None:
    if (viewer := viewer_ref()) is None:
        return
    workspace = workspace_of(viewer)
    workspace.take_slide(section.slide)
    if with_spots and workspace.slide is not None:
        workspace.take_spots(workspace.slide, section.spots)
