"""The Explore dock: select spots, group them, and look at genes by group."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_stem._napari.canvas.attach import workspace_of
from napari_stem._napari.explore.columns_panel import ColumnsPanel
from napari_stem._napari.explore.groups_panel import GroupsPanel
from napari_stem._napari.explore.threshold_panel import ThresholdPanel
from napari_stem._napari.explore.two_genes_panel import TwoGenesPanel
from napari_stem._napari.explore.violins_panel import ViolinsPanel
from napari_stem._napari.mouse.spot_lasso import SpotLasso
from napari_stem._napari.shell.docks import unwrapped
from napari_stem._napari.shell.page import Page, listen
from napari_stem._napari.shell.shortcuts import REDO, UNDO

if TYPE_CHECKING:
    from napari.viewer import Viewer

_TOOL = "lasso"


class ExploreDock(Page):
    """Panels for groups of spots, violins, a scatter of two genes, masks and columns."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__()
        viewer = unwrapped(napari_viewer)
        self.workspace = workspace_of(viewer)
        self.lasso = SpotLasso(viewer, self.workspace, self)
        self._build(viewer)
        self._connect()

    def _build(self, viewer: Viewer) -> None:
        self.groups = GroupsPanel(self.workspace)
        self.violins = ViolinsPanel(self.workspace)
        self.two_genes = TwoGenesPanel(self.workspace)
        self.threshold = ThresholdPanel(viewer, self.workspace)
        self.columns = ColumnsPanel(self.workspace)
        self.fill(self.groups, self.violins, self.two_genes, self.threshold, self.columns)

    def _connect(self) -> None:
        button = self.groups.lasso_button
        button.toggled.connect(self.lasso.switch)
        self.lasso.switched.connect(button.setChecked)
        self.lasso.switched.connect(self._tell_tool)
        listen(self, self.workspace.events.tool, self._obey_tool)
        UNDO.bind(self, self.workspace.undo_groups)
        REDO.bind(self, self.workspace.redo_groups)

    def _tell_tool(self, on: bool) -> None:
        if on or self.workspace.tool == _TOOL:
            self.workspace.tool = _TOOL if on else ""

    def _obey_tool(self, tool: str) -> None:
        if tool != _TOOL:
            self.lasso.switch(False)

    def release_mouse(self) -> None:
        """Stop drawing lassos."""
        self.lasso.switch(False)
