"""The Export dock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_stem._napari.canvas.attach import workspace_of
from napari_stem._napari.files.export_panel import ExportPanel
from napari_stem._napari.shell.docks import unwrapped
from napari_stem._napari.shell.page import Page

if TYPE_CHECKING:
    from napari.viewer import Viewer


class ExportDock(Page):
    """The Export panel in a dock of its own; the Predict dock contains it too."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__()
        viewer = unwrapped(napari_viewer)
        self.panel = ExportPanel(viewer, workspace_of(viewer))
        self.fill(self.panel)
