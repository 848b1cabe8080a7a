"""The Clusters dock: find, name and compare clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_stem._napari.canvas.attach import workspace_of
from napari_stem._napari.clusters.agreement_panel import AgreementPanel
from napari_stem._napari.clusters.legend_panel import LegendPanel
from napari_stem._napari.clusters.leiden_panel import LeidenPanel
from napari_stem._napari.clusters.picker import ClusterPicker
from napari_stem._napari.clusters.ranking_panel import RankingPanel
from napari_stem._napari.shell.docks import unwrapped
from napari_stem._napari.shell.imports import load_for_clustering
from napari_stem._napari.shell.page import Page, listen
from napari_stem._napari.shell.shortcuts import REDO, UNDO
from napari_stem._napari.shell.worker import start

if TYPE_CHECKING:
    from napari.viewer import Viewer

_TOOL = "pick"


class ClustersDock(Page):
    """Panels for Leiden clustering, legend, marker genes and agreement with an annotation."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__()
        viewer = unwrapped(napari_viewer)
        self.workspace = workspace_of(viewer)
        self._picker = ClusterPicker(viewer, self.workspace, self)
        self._build()
        self._connect()
        start(load_for_clustering(), self)

    def _build(self) -> None:
        self.leiden = LeidenPanel(self.workspace)
        self.legend = LegendPanel(self.workspace)
        self.ranking = RankingPanel(self.workspace)
        self.agreement = AgreementPanel(self.workspace)
        self.fill(self.leiden, self.legend, self.ranking, self.agreement)

    def _connect(self) -> None:
        self.legend.pick_button.toggled.connect(self._picker.switch)
        self._picker.switched.connect(self.legend.pick_button.setChecked)
        self._picker.switched.connect(self._tell_tool)
        listen(self, self.workspace.events.tool, self._obey_tool)
        UNDO.bind(self, self.workspace.undo)
        REDO.bind(self, self.workspace.redo)

    def _tell_tool(self, on: bool) -> None:
        if on or self.workspace.tool == _TOOL:
            self.workspace.tool = _TOOL if on else ""

    def _obey_tool(self, tool: str) -> None:
        if tool != _TOOL:
            self._picker.switch(False)

    def release_mouse(self) -> None:
        """Stop selecting clusters by clicks."""
        self._picker.switch(False)
