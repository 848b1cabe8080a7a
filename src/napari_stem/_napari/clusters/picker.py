"""A mouse tool that selects clusters by clicks on the canvas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_stem._napari.canvas.spot_labels import cluster_at
from napari_stem._napari.mouse.mouse_tool import MouseTool

if TYPE_CHECKING:
    from collections.abc import Generator

    from napari.viewer import Viewer
    from qtpy.QtCore import QObject

    from napari_stem._napari.state.workspace import Workspace

_ADDING = {"Shift", "Control", "Meta"}


class ClusterPicker(MouseTool):
    """While it is on, a click selects the cluster below; Shift or Ctrl adds to the selection."""

    def __init__(self, viewer: Viewer, workspace: Workspace, parent: QObject) -> None:
        super().__init__(viewer, parent)
        self._workspace = workspace

    def follow(self, viewer: Viewer, event: Any) -> Generator[None, None, None]:
        """Select at a click, which is a press and release without a move; a drag pans."""
        position, adding = event.position, bool(_ADDING & set(event.modifiers))
        yield
        if event.type != "mouse_move":
            self._pick(cluster_at(viewer.layers, self._workspace.slide, position), adding)

    def _pick(self, number: int, adding: bool) -> None:
        work = self._workspace
        if work.clusters is None:
            return
        picked = {number} if number else set()
        selected = work.cluster_view.selected ^ picked if adding else picked
        work.cluster_view = work.cluster_view.selecting(selected)
