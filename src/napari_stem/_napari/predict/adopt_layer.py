"""What napari's menus and its command palette do, without a dock."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from napari.utils.notifications import show_warning
from napari.viewer import Viewer  # napari reads the annotation when it runs the command
from qtpy.QtWidgets import QApplication

from napari_stem._napari.canvas import layers
from napari_stem._napari.canvas.attach import workspace_of
from napari_stem._napari.canvas.layer_source import LayerSource
from napari_stem._napari.files import opening
from napari_stem._napari.shell.docks import unwrapped
from napari_stem._napari.shell.worker import start
from napari_stem._napari.state.workspace import Workspace

if TYPE_CHECKING:
    from napari.layers import Image

    from napari_stem.slides.slide import Slide


def use_as_slide(viewer: Viewer) -> None:
    """Work on the RGB image that is selected in the layer list."""
    viewer = unwrapped(viewer)
    layer = viewer.layers.selection.active
    if layer is None or not layers.is_picture(layer):
        show_warning("Select one RGB image in the layer list; a slide can be made of that.")
        return
    workspace = workspace_of(viewer)
    if layers.slide_among(workspace.slides, layer) is not None:
        return  # to select it was to show it
    job = start(opening.slide_of_layer(LayerSource.of(layer)), QApplication.instance())
    job.result.connect(partial(adopt, workspace, layer))


def adopt(workspace: Workspace, layer: Image, slide: Slide) -> None:
    """Take a layer as the picture of a slide, and work on that."""
    layers.adopt_as_slide(layer, slide)
    workspace.take_slide(slide)
