"""The line that the mouse draws on the slide: a lasso, or a rectangle that is being dragged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_stem._napari.canvas import layers
from napari_stem._napari.canvas.stack import Stack

if TYPE_CHECKING:
    from napari.layers import Layer
    from napari.viewer import Viewer
    from numpy.typing import ArrayLike

    from napari_stem._napari.state.workspace import Workspace


class DrawnLine:
    """A layer of its own, so that a move of the mouse changes nothing but the line.

    napari takes twice as long for a rectangle in a layer of shapes.
    """

    def __init__(self, viewer: Viewer, workspace: Workspace) -> None:
        self._workspace = workspace
        self._stack = Stack(viewer, workspace)

    def show(self, corners: ArrayLike, *, closed: bool = False) -> None:
        """Draw through corners (m, 2) x, y in level-0 pixels, and back to the first if closed."""
        slide = self._workspace.slide
        if slide is None:
            return  # closed meanwhile
        self._workspace.end_comparison()  # one more layer would shift its cells
        layer = self._stack.find("line") or self._add(layers.line_layer(slide))
        zoom = self._stack.viewer.scene.camera.zoom * (slide.mpp or 1.0)
        places = np.asarray(corners, dtype=np.float64)
        places = np.vstack([places, places[:1]]) if closed else places
        layers.show_line(layer, slide, places, zoom)

    def hide(self) -> None:
        """Show no line."""
        if layer := self._stack.find("line"):
            layers.update(layer, visible=False)

    def _add(self, layer: Layer) -> Layer:
        """Add the layer without changing the selection, which tools depend on."""
        selection = self._stack.viewer.layers.selection
        selected, active = set(selection), selection.active
        self._stack.add(layer)
        self._stack.viewer.layers.selection = selected
        self._stack.viewer.layers.selection.active = active
        return layer
