"""Uses an image layer as the slide, from napari's layer menu or from the Predict dock."""

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
    """Use the RGB image that is selected in the layer list as the slide."""
    viewer = unwrapped(viewer)
    layer = viewer.layers.selection.active
    if layer is None or not layers.is_picture(layer):
        show_warning("No RGB image is selected. Select one in the layer list to use it as a slide.")
        return
    workspace = workspace_of(viewer)
    if layers.slide_among(workspace.slides, layer) is not None:
        return  # selecting its layer has shown it already
    job = start(opening.slide_of_layer(LayerSource.of(layer)), QApplication.instance())
    job.result.connect(partial(adopt, workspace, layer))


def adopt(workspace: Workspace, layer: Image, slide: Slide) -> None:
    """Use a layer as the image of a slide, and show that slide."""
    layers.adopt_as_slide(layer, slide)
    workspace.take_slide(slide)
