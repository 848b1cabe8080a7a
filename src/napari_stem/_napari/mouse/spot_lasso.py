"""A mouse tool that selects the spots in a lasso."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_stem._napari.canvas import layers
from napari_stem._napari.canvas.drawn_line import DrawnLine
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
        self._line = DrawnLine(viewer, workspace)

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
                self._line.show(corners)
                yield
        finally:
            camera.mouse_pan = panned
            self._line.hide()
        self._select(corners, adding)

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
