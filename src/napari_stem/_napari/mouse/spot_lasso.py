"""A mouse tool that selects the spots in a lasso."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_stem._napari.canvas import layers
from napari_stem._napari.canvas.stack import Stack
from napari_stem._napari.mouse.mouse_tool import MouseTool

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from napari.viewer import Viewer
    from qtpy.QtCore import QObject

    from napari_stem._napari.state.workspace import Workspace

_LEFT = 1
_FEWEST = 3  # corners


class SpotLasso(MouseTool):
    """A drag draws a lasso and selects its spots; with Shift, they are added to those before.

    A click selects none.
    """

    def __init__(self, viewer: Viewer, workspace: Workspace, parent: QObject) -> None:
        super().__init__(viewer, parent)
        self._workspace = workspace
        self._stack = Stack(viewer, workspace)

    def follow(self, viewer: Viewer, event: Any) -> Generator[None, None, None]:
        """Draw from a press to its release, while the slide keeps still."""
        adding, slide = tuple(event.modifiers) == ("Shift",), self._workspace.slide
        if event.button != _LEFT or slide is None or not (adding or not event.modifiers):
            return
        camera, corners = viewer.scene.camera, [layers.on_slide(event.position, slide)]
        panned, camera.mouse_pan = camera.mouse_pan, False
        try:
            yield
            while event.type == "mouse_move":
                corners.append(layers.on_slide(event.position, slide))
                self._trace(viewer, corners)
                yield
        finally:
            camera.mouse_pan = panned
            self._hide_trace()
        self._select(corners, adding)

    def _trace(self, viewer: Viewer, corners: Sequence[tuple[float, float]]) -> None:
        slide = self._workspace.slide
        if slide is None:
            return  # closed meanwhile
        active = viewer.layers.selection.active
        layer = self._stack.find_or_add("lasso", lambda: layers.lasso_layer(slide))
        viewer.layers.selection.active = active
        pixels = viewer.scene.camera.zoom * (slide.mpp or 1.0)  # of the screen a level-0 pixel
        layers.show_lasso(layer, slide, np.array(corners), pixels)

    def _hide_trace(self) -> None:
        if layer := self._stack.find("lasso"):
            layers.update(layer, visible=False)

    def _select(self, corners: Sequence[tuple[float, float]], adding: bool) -> None:
        from napari_stem.spots.polygons import inside  # imported with the spots
        from napari_stem.spots.table import positions

        result, former = self._workspace.result, self._workspace.selected_spots
        if result is None:
            return
        spots = np.zeros(result.spots.n_obs, bool)
        if len(corners) >= _FEWEST:
            spots = inside(positions(result.spots), [[np.array(corners)]])
        if adding and former is not None:
            spots |= former
        self._workspace.select_spots(spots)
