"""Draws what a user has marked: groups of spots, selected spots, and a column of the spots."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_stem._napari.canvas import heatmap, layers, spot_labels
from napari_stem._napari.canvas.layer_names import name_of
from napari_stem._napari.canvas.stack import NUMBERS
from napari_stem._napari.state.cluster_view import ClusterView
from napari_stem.analysis.columns import labels_of, numbers_of
from napari_stem.text import counted

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from napari_stem._napari.canvas.rasters import Rasters
    from napari_stem._napari.canvas.stack import Stack
    from napari_stem._napari.state.result import Result
    from napari_stem._napari.state.workspace import Workspace
    from napari_stem.analysis.labels import Clusters

_PLAIN = ClusterView()


class MarkedSpots:
    """Listens to a workspace; layers and rasters are those of its canvas."""

    def __init__(self, workspace: Workspace, stack: Stack, rasters: Rasters) -> None:
        self._workspace = workspace
        self._stack = stack
        self._rasters = rasters
        events = workspace.events
        events.result.connect(self._end_groups)
        events.groups.connect(self._show_groups)
        events.selected_spots.connect(self._show_selected)
        events.spots.connect(self._end_column)
        events.column.connect(self._show_column)

    def add_mask(self, result: Result, spots: NDArray[np.bool_], name: str) -> None:
        """Add a layer of the discs of spots (n,), for measurements in napari; it stays as it is."""
        layer = spot_labels.labels_layer("mask", result.slide)
        spot_labels.show_mask(layer, result.slide, self._rasters.of(result.spots), spots)
        layer.name = name_of(name, result.slide, self._workspace)
        self._stack.viewer.add_layer(layer)

    def _end_groups(self, result: Result | None) -> None:
        if result is None or self._workspace.groups is None:
            self._stack.remove("groups")

    def _show_groups(self, groups: Clusters | None) -> None:
        result = self._workspace.result
        if result is None or groups is None or not groups.names:
            self._stack.remove("groups")
            return
        said = counted(len(groups.names), "group")
        layer = self._stack.find_or_add(
            "groups", lambda: spot_labels.labels_layer("groups", result.slide)
        )
        raster = self._rasters.of(result.spots)
        spot_labels.show_labels(layer, result.slide, raster, groups, _PLAIN, what="group")
        self._stack.show_only("groups")
        source = self._workspace.source_of(result)
        self._stack.say(f"{said}, {counted(sum(groups.sizes), 'spot')}\n{source}")

    def _show_selected(self) -> None:
        result, selected = self._workspace.result, self._workspace.selected_spots
        if result is None or selected is None:
            if layer := self._stack.find("selection"):
                layers.update(layer, visible=False)
            return
        active = self._stack.viewer.layers.selection.active
        layer = self._stack.find_or_add(
            "selection", lambda: spot_labels.selection_layer(result.slide)
        )
        self._stack.viewer.layers.selection.active = active
        spot_labels.show_mask(layer, result.slide, self._rasters.of(result.spots), selected)

    def _end_column(self) -> None:
        self._workspace.column = ""

    def _show_column(self, name: str) -> None:
        slide, spots = self._workspace.slide, self._workspace.spots
        if not name or slide is None or spots is None:
            self._stack.remove("column", NUMBERS)
            return
        raster, column = self._rasters.of(spots), spots.obs[name]
        labels = labels_of(column)
        if labels is not None:
            role, said = "column", counted(len(labels.names), "kind")
            layer = self._stack.find_or_add(role, lambda: spot_labels.labels_layer(role, slide))
            spot_labels.show_labels(layer, slide, raster, labels, _PLAIN, what=name)
        else:
            role, said = NUMBERS, "column of the spots"
            layer = self._stack.find_or_add(role, lambda: heatmap.heatmap_layer(slide, "column"))
            values, limits = numbers_of(column)
            heatmap.show_values(layer, slide, raster, values, limits)
        layer.name = name_of(name, slide, self._workspace)
        self._stack.show_only(role)
        self._stack.say(f"{name}\n{said}\n{self._workspace.name_of(slide)}")
