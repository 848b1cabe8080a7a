"""Draws a workspace in a viewer: one layer per role and slide, made again when removed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import ref

import numpy as np

from napari_stem._napari.canvas import heatmap, layers
from napari_stem._napari.canvas.comparison import Comparison
from napari_stem._napari.canvas.layer_names import name_of
from napari_stem._napari.state.session import are_same
from napari_stem.prediction.statistics import STATISTICS
from napari_stem.text import counted

if TYPE_CHECKING:
    from collections.abc import Callable

    from anndata import AnnData
    from napari.layers import Layer
    from napari.viewer import Viewer
    from numpy.typing import NDArray

    from napari_stem._napari.state.cluster_view import ClusterView
    from napari_stem._napari.state.request import PredictRequest
    from napari_stem._napari.state.result import Result
    from napari_stem._napari.state.workspace import Workspace
    from napari_stem.analysis.labels import Clusters
    from napari_stem.slides.slide import Slide
    from napari_stem.spots.raster import SpotRaster

_HEATMAPS = tuple(heatmap.heatmap_role(statistic) for statistic in STATISTICS)
_COLOURINGS = ("spots", *_HEATMAPS, "clusters")
_BOTTOM_UP = ("slide", *_COLOURINGS, "region")


class Canvas:
    """Draws a workspace's slide, spots, result and clusters in a viewer.

    Layers are found by a tag in their metadata, so a user may remove, rename, reorder and hide
    them. A missing layer is made again as soon as it has something new to show.
    """

    def __init__(self, viewer: Viewer, workspace: Workspace) -> None:
        self._viewer_ref = ref(viewer)  # a workspace must not keep its viewer alive
        self._workspace = workspace
        self._raster: tuple[AnnData, SpotRaster] | None = None
        self._stripes: tuple[SpotRaster, NDArray[np.bool_], SpotRaster] | None = None
        self._limited: tuple[object, tuple[float, float]] = None, (0, 1)
        self._comparison = Comparison(workspace)
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
        viewer.layers.events.removed.connect(self._end_comparison)

    def _show_slide(self, slide: Slide | None) -> None:
        for layer in self._viewer.layers:
            role = layers.role_of(layer)
            if role and not (slide and layers.is_layer_of(layer, role, slide)):
                layers.update(layer, visible=False)
        self._name_slide()
        if slide is None:
            return
        region = self._find("region")
        if (picture := self._find("slide")) and not layers.has_units_of(picture, slide):
            self._remove("spots", "region")  # napari refuses two units at once
        picture = self._restore_slide(slide)
        layers.update(picture, visible=True)
        layers.update(self._viewer.canvas.overlays.scale_bar, visible=slide.mpp is not None)
        if region and region not in self._viewer.layers:
            layers.place(region, slide)
            self._add(region)
        self._viewer.reset_view(layers=[picture])  # another one, or the same at another scale
        if self._workspace.spots is not None:
            self._show_spots(self._workspace.spots)

    def _restore_slide(self, slide: Slide) -> Layer:
        layer = self._find_or_add("slide", lambda: layers.slide_layer(slide))

        layers.place(layer, slide)
        if region := self._find("region"):
            layers.place(region, slide)
        return layer

    def _show_spots(self, spots: AnnData | None) -> None:
        slide = self._workspace.slide
        if slide is None or spots is None:
            return
        self._restore_slide(slide)
        layer = self._find_or_add("spots", lambda: heatmap.spots_layer(slide))
        heatmap.show_spots(layer, slide, self._raster_of(spots))
        self._show_only("spots")
        self._name_slide()

    def _await_result(self, request: PredictRequest | None) -> None:
        """Make the layer of the first draw before it comes: napari takes a tenth of a second."""
        if self._workspace.result is not None:
            return
        mean = heatmap.heatmap_role("mean")
        if request is None:
            self._remove(mean)  # stopped before anything was drawn
            self._name_slide()
        elif are_same(request.slide, self._workspace.slide):
            self._find_or_add(mean, lambda: heatmap.heatmap_layer(request.slide, "mean"))
            self._say(f"{self._workspace.name_of(request.slide)}\nwaiting for the first draw")

    def _show_result(self, result: Result | None, former: Result | None = None) -> None:
        if self._workspace.clusters is None:
            self._remove("clusters")
        if result is None:
            self._comparison.close(self._viewer)
            self._remove(*_HEATMAPS)
            self._name_slide()
            return
        more = former is not None and result.continues(former)
        elsewhere = more and self._is_elsewhere()
        gone = (statistic for statistic in STATISTICS if statistic not in result.values)
        self._remove(*map(heatmap.heatmap_role, gone))  # they are of the former result
        if elsewhere:
            layers.update(self._fill_heatmap(result), visible=False)
        else:
            self._restore_slide(result.slide)
            self._show_heatmap()

    def _is_elsewhere(self) -> bool:
        """Whether the user has hidden the heatmap; more draws then do not bring it back."""
        found = [layer for role in _HEATMAPS if (layer := self._find(role))]
        return bool(found) and not self._workspace.compared and not any(x.visible for x in found)

    def _show_heatmap(self) -> None:
        result = self._workspace.result
        if result is None:
            return
        if self._workspace.compared:
            self._comparison.show(self._viewer, result, self._hatched(result))
            self._say(result.unit_of(self._workspace.compared), "bottom_left")
            return
        self._fill_heatmap(result)
        gene, statistic = self._workspace.gene, self._workspace.statistic
        self._show_only(heatmap.heatmap_role(statistic))
        self._say(result.title(gene, statistic))

    def _fill_heatmap(self, result: Result) -> Layer:
        """Replace the values of the gene and the statistic."""
        gene, statistic = self._workspace.gene, self._workspace.statistic
        role, values = heatmap.heatmap_role(statistic), result.of(gene, statistic)
        layer = self._find_or_add(role, lambda: heatmap.heatmap_layer(result.slide, statistic))
        limits = self._limits(layer, result)
        heatmap.show_values(layer, result.slide, self._hatched(result), values, limits)
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

    def _compare(self, compared: tuple[tuple[str, str], ...]) -> None:
        if compared:
            self._show_heatmap()
        else:
            self._comparison.close(self._viewer)
            self._show_result(self._workspace.result)

    def _end_comparison(self, event: Any) -> None:
        """End the comparison when the user removes a layer of it."""
        if self._comparison.holds(event.value):
            self._workspace.end_comparison()

    def _show_clusters(self) -> None:
        result, clusters = self._workspace.result, self._workspace.clusters
        if clusters is None or result is None:
            self._remove("clusters")
            return
        layer = self._find_or_add("clusters", lambda: layers.clusters_layer(result.slide))
        view = self._workspace.cluster_view
        layers.show_clusters(layer, result.slide, self._raster_of(result.spots), clusters, view)
        self._show_only("clusters")
        self._say(_title(clusters, view))

    def _restyle(self) -> None:
        for role in (*_HEATMAPS, "clusters"):
            if layer := self._find(role):
                self._style(layer)
        if self._workspace.compared:
            self._show_heatmap()

    def _style(self, layer: Layer) -> None:
        layers.update(layer, opacity=self._workspace.opacity)
        if layers.role_of(layer) in _HEATMAPS:
            layer.colormap = self._workspace.colormap

    def _take_opacity(self, event: Any) -> None:
        """Use the opacity that a user sets in napari's layer controls."""
        self._workspace.opacity = event.source.opacity

    def _show_only(self, shown: str) -> None:
        """Show one role on the slide and hide the others: overlaid colours cannot be read."""
        found = {role: layer for role in _COLOURINGS if (layer := self._find(role))}
        for role, layer in found.items():
            layers.update(layer, visible=role == shown)
            if role in _HEATMAPS:
                layers.update(layer.colorbar, visible=role == shown)
        selection = self._viewer.layers.selection
        if any(layer is selection.active for role, layer in found.items() if role != shown):
            selection.active = found[shown]  # the status bar shows its values

    def _name_slide(self) -> None:
        """Show the slide's name, and the number of spots, as the canvas title."""
        slide, spots = self._workspace.slide, self._workspace.spots
        n_spots = "" if spots is None else f"\n{counted(spots.n_obs, 'spot')}"
        self._say(f"{self._workspace.name_of(slide)}{n_spots}" if slide else "")

    def _say(self, text: str, position: str = "top_left") -> None:
        overlay = self._viewer.canvas.overlays.text
        layers.update(overlay, text=text, position=position, visible=bool(text))

    def _raster_of(self, spots: AnnData) -> SpotRaster:
        from napari_stem.spots.raster import have_same_raster, spot_raster

        if self._raster is None or not have_same_raster(self._raster[0], spots):
            self._raster = spots, spot_raster(spots)
        return self._raster[1]

    def _hatched(self, result: Result) -> SpotRaster:
        """The raster of a result; spots unlike the training tissue are striped."""
        raster, foreign = self._raster_of(result.spots), result.foreign
        known = self._stripes
        if known is None or known[0] is not raster or not np.array_equal(known[1], foreign):
            self._stripes = known = raster, foreign, raster.hatched(foreign)
        return known[2]

    @property
    def _viewer(self) -> Viewer:
        viewer = self._viewer_ref()
        assert viewer is not None
        return viewer

    def _find(self, role: str) -> Layer | None:
        slide = self._workspace.slide
        ours = (x for x in self._viewer.layers if slide and layers.is_layer_of(x, role, slide))
        return next(ours, None)

    def _find_or_add(self, role: str, make: Callable[[], Layer]) -> Layer:
        return self._find(role) or self._add(make())

    def _add(self, layer: Layer) -> Layer:
        """Put a layer below those of ours that belong above it."""
        order, role = (*_BOTTOM_UP, "outlines"), layers.role_of(layer)
        above = order[order.index(role) + 1 :]
        stack = self._viewer.layers
        places = (i for i, other in enumerate(stack) if layers.role_of(other) in above)
        stack.insert(next(places, len(stack)), layer)
        if role in (*_HEATMAPS, "clusters"):
            self._style(layer)
            layer.events.opacity.connect(self._take_opacity)
        return layer

    def _remove(self, *roles: str) -> None:
        found = (layer for role in roles if (layer := self._find(role)))
        layers.remove(self._viewer.layers, found)


def _title(clusters: Clusters, view: ClusterView) -> str:
    """The canvas title of clusters: how many, or which are selected."""
    if not view.selected:
        n_clusters = counted(len(clusters.names), "cluster")
        return f"{n_clusters}, {counted(sum(clusters.sizes), 'spot')}"
    names = ", ".join(clusters.titles[number - 1] for number in sorted(view.selected))
    spots = int(clusters.spots_in(view.selected).sum())
    return f"{names}\n{spots:,} of {counted(len(clusters.numbers), 'spot')}"
