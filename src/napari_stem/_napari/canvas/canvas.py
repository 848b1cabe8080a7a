"""Draws a workspace in a viewer: one layer per role and slide, made again when removed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_stem._napari.canvas import heatmap, layers, spot_labels
from napari_stem._napari.canvas.comparison import Comparison
from napari_stem._napari.canvas.drawn_region import drawn_shapes
from napari_stem._napari.canvas.layer_names import name_of
from napari_stem._napari.canvas.marked_spots import MarkedSpots
from napari_stem._napari.canvas.rasters import Rasters
from napari_stem._napari.canvas.stack import HEATMAPS, Stack
from napari_stem._napari.state.session import are_same
from napari_stem.prediction.statistics import STATISTICS
from napari_stem.text import counted

if TYPE_CHECKING:
    from anndata import AnnData
    from napari.layers import Layer
    from napari.viewer import Viewer
    from numpy.typing import NDArray

    from napari_stem._napari.state.cluster_view import ClusterView
    from napari_stem._napari.state.comparison import Cell
    from napari_stem._napari.state.request import PredictRequest
    from napari_stem._napari.state.result import Result
    from napari_stem._napari.state.workspace import Workspace
    from napari_stem.analysis.labels import Clusters
    from napari_stem.slides.slide import Slide


class Canvas:
    """Draws a workspace's slide, spots, result and clusters in a viewer.

    A missing layer is made again as soon as it has something new to show.
    """

    def __init__(self, viewer: Viewer, workspace: Workspace) -> None:
        self._workspace = workspace
        self._stack = Stack(viewer, workspace)
        self._rasters = Rasters()
        self._limited: tuple[object, tuple[float, float]] = None, (0, 1)
        self._comparison = Comparison(workspace)
        self._marked = MarkedSpots(workspace, self._stack, self._rasters)
        self._scale_bar = viewer.canvas.overlays.scale_bar.visible  # as it was left here
        events = workspace.events

        events.slide.connect(self._show_slide)
        events.spots.connect(self._show_spots)
        workspace.run.events.request.connect(self._await_result)
        events.result.connect(self._show_result)
        events.gene.connect(self._show_heatmap)
        events.statistic.connect(self._show_heatmap)
        events.clusters.connect(self._show_clusters)
        events.cluster_view.connect(self._show_clusters)
        events.colormap.connect(self._restyle)
        events.opacity.connect(self._restyle)
        events.shared_contrast.connect(self._show_heatmap)
        events.compared.connect(self._compare)
        viewer.layers.events.inserted.connect(self._watch_region)
        viewer.layers.events.removed.connect(self._end_comparison)

    def add_mask(self, result: Result, spots: NDArray[np.bool_], name: str) -> None:
        """Add a layer of spots (n,) by a name, which is the user's from then on."""
        self._marked.add_mask(result, spots, name)

    def _show_slide(self, slide: Slide | None) -> None:
        for layer in self._stack.viewer.layers:
            role = layers.role_of(layer)
            if role and not (slide and layers.is_layer_of(layer, role, slide)):
                layers.update(layer, visible=False)
        self._name_slide()
        self._rasters.clear()
        if slide is None:
            return
        region = self._stack.find("region")
        if (picture := self._stack.find("slide")) and not layers.has_units_of(picture, slide):
            self._stack.remove("spots", "region")  # napari refuses two units at once
        picture = self._restore_slide(slide)
        layers.update(picture, visible=True)
        self._show_scale_bar(slide.mpp is not None)
        if region and region not in self._stack.viewer.layers:
            layers.place(region, slide)
            self._stack.add(region)
        self._stack.viewer.reset_view(layers=[picture])  # another one, or the same at another scale
        if self._workspace.spots is not None:
            self._show_spots(self._workspace.spots)

    def _show_scale_bar(self, visible: bool) -> None:
        bar = self._stack.viewer.canvas.overlays.scale_bar
        if bar.visible == self._scale_bar:  # otherwise the user switched it
            layers.update(bar, visible=visible)
            self._scale_bar = visible

    def _restore_slide(self, slide: Slide) -> Layer:
        layer = self._stack.find_or_add("slide", lambda: layers.slide_layer(slide))
        layers.place(layer, slide)
        if region := self._stack.find("region"):
            layers.place(region, slide)
        return layer

    def _show_spots(self, spots: AnnData | None) -> None:
        slide = self._workspace.slide
        if slide is None or spots is None:
            return
        self._restore_slide(slide)
        layer = self._stack.find_or_add("spots", lambda: heatmap.spots_layer(slide))
        heatmap.show_spots(layer, slide, self._rasters.of(spots))
        self._stack.show_only("spots")
        self._name_slide()

    def _await_result(self, request: PredictRequest | None) -> None:
        """Make the layer of the first draw before it comes: napari takes a tenth of a second."""
        if self._workspace.result is not None:
            return
        mean = heatmap.heatmap_role("mean")
        if request is None:
            self._stack.remove(mean)  # stopped before anything was drawn
            self._name_slide()
        elif are_same(request.slide, self._workspace.slide):
            self._stack.find_or_add(mean, lambda: heatmap.heatmap_layer(request.slide, "mean"))
            self._stack.say(f"{self._workspace.name_of(request.slide)}\nwaiting for the first draw")

    def _show_result(self, result: Result | None, former: Result | None = None) -> None:
        if self._workspace.clusters is None:
            self._stack.remove("clusters")
        if result is None:
            self._comparison.close(self._stack.viewer)
            self._stack.remove(*HEATMAPS)
            self._name_slide()
            return
        more = former is not None and result.continues(former)
        elsewhere = more and self._is_elsewhere()
        gone = (statistic for statistic in STATISTICS if statistic not in result.values)
        self._stack.remove(*map(heatmap.heatmap_role, gone))  # they are of the former result
        if elsewhere:
            layers.update(self._fill_heatmap(result), visible=False)
        else:
            self._restore_slide(result.slide)
            self._show_heatmap()

    def _is_elsewhere(self) -> bool:
        """Whether the user has hidden the heatmap; more draws then do not bring it back."""
        found = [layer for role in HEATMAPS if (layer := self._stack.find(role))]
        return bool(found) and not self._workspace.compared and not any(x.visible for x in found)

    def _show_heatmap(self) -> None:
        result = self._workspace.result
        if result is None:
            return
        if self._workspace.compared:
            self._comparison.show(self._stack.viewer, result.slide, self._rasters)
            self._stack.say(self._comparison.legend(), "bottom_left")
            return
        self._fill_heatmap(result)
        gene, statistic = self._workspace.gene, self._workspace.statistic
        self._stack.show_only(heatmap.heatmap_role(statistic))
        source = self._workspace.source_of(result, with_draws=False)  # which the title tells
        self._stack.say(f"{result.title(gene, statistic)}\n{source}")

    def _fill_heatmap(self, result: Result) -> Layer:
        """Replace the values of the gene and the statistic."""
        gene, statistic = self._workspace.gene, self._workspace.statistic
        role, values = heatmap.heatmap_role(statistic), result.of(gene, statistic)
        layer = self._stack.find_or_add(
            role, lambda: heatmap.heatmap_layer(result.slide, statistic)
        )
        limits = self._limits(layer, result)
        heatmap.show_values(layer, result.slide, self._rasters.hatched(result), values, limits)
        layer.name = name_of(result.name_of(gene, statistic), result.slide, self._workspace)
        return layer

    def _limits(self, layer: Layer, result: Result) -> tuple[float, float]:
        """The contrast limits of the heatmap; those that a user set stay while it shows a gene."""
        gene, statistic = self._workspace.gene, self._workspace.statistic
        shared = self._workspace.shared_contrast
        shown = result.slide.fingerprint, gene, statistic, shared
        former, given = self._limited
        low, high = layer.contrast_limits
        if former == shown and not np.allclose(given, (low, high)):
            return float(low), float(high)
        given = result.limits(None if shared else gene, statistic)
        self._limited = shown, given
        return given

    def _compare(self, compared: tuple[Cell, ...]) -> None:
        if compared:
            self._show_heatmap()
        else:
            self._comparison.close(self._stack.viewer)
            self._show_result(self._workspace.result)

    def _end_comparison(self, event: Any) -> None:
        """End the comparison when the user removes a layer of it."""
        if self._comparison.holds(event.value):
            self._workspace.end_comparison()

    def _watch_region(self, event: Any) -> None:
        if layers.role_of(event.value) == "region":
            self._stack.lend_values(event.value)
            event.value.events.data.connect(self._take_regions)
            self._take_regions()

    def _take_regions(self, event: Any = None) -> None:
        """Note what is drawn, which napari's layers alone know."""
        for slide in self._workspace.slides:
            self._workspace.take_regions(slide, drawn_shapes(self._stack.viewer, slide))

    def _show_clusters(self) -> None:
        result, clusters = self._workspace.result, self._workspace.clusters
        if clusters is None or result is None:
            self._stack.remove("clusters")
            return
        layer = self._stack.find_or_add(
            "clusters", lambda: spot_labels.labels_layer("clusters", result.slide)
        )
        view = self._workspace.cluster_view
        raster = self._rasters.of(result.spots)
        spot_labels.show_labels(layer, result.slide, raster, clusters, view, what="cluster")
        self._stack.show_only("clusters")
        self._stack.say(f"{_title(clusters, view)}\n{self._workspace.source_of(result)}")

    def _restyle(self) -> None:
        self._stack.restyle()
        if self._workspace.compared:
            self._show_heatmap()

    def _name_slide(self) -> None:
        """Show the slide's name, and the number of spots, as the canvas title."""
        slide, spots = self._workspace.slide, self._workspace.spots
        n_spots = "" if spots is None else f"\n{counted(spots.n_obs, 'spot')}"
        self._stack.say(f"{self._workspace.name_of(slide)}{n_spots}" if slide else "")


def _title(clusters: Clusters, view: ClusterView) -> str:
    """The canvas title of clusters: how many, or which are selected."""
    if not view.selected:
        n_clusters = counted(len(clusters.names), "cluster")
        return f"{n_clusters}, {counted(sum(clusters.sizes), 'spot')}"
    names = ", ".join(clusters.titles[number - 1] for number in sorted(view.selected))
    spots = int(clusters.spots_in(view.selected).sum())
    return f"{names}\n{spots:,} of {counted(len(clusters.numbers), 'spot')}"
