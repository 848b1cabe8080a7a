"""Several heatmaps side by side: a cell of napari's grid each, all moved by one camera."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakSet

import numpy as np

from napari_stem._napari.canvas import layers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari.layers import Image, Layer
    from napari.viewer import Viewer

    from napari_stem._napari.state.result import Result
    from napari_stem._napari.state.workspace import Workspace
    from napari_stem.spots.raster import SpotRaster

_IN_CELL = 2  # layers: the slide, and a heatmap on it
_BAR = (18, 80)  # pixels; napari's own size hides a third of a cell
_MARGIN = 0.9


class Comparison:
    """Cells with a slide and a heatmap each, above all other layers, which are hidden meanwhile.

    napari fills the cells from the top of the layer list and leaves hidden layers out.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._cells: list[tuple[Image, Image]] = []
        self._visible: WeakSet[Layer] = WeakSet()
        self._grid = self._camera = dict[str, object]()

    def show(self, viewer: Viewer, result: Result, raster: SpotRaster) -> None:
        """Show the workspace's `compared` genes and statistics of a result."""
        shown = self._workspace.compared
        opening = len(shown) != len(self._cells) or not self._intact(viewer)
        if opening:
            self.close(viewer)
            self._open(viewer, result, len(shown))
        for (_, heatmap), (gene, statistic) in zip(self._cells, shown, strict=True):
            limits = result.limits(None if self._workspace.shared_contrast else gene, statistic)
            values = result.of(gene, statistic)
            layers.show_values(heatmap, result.slide, raster, values, limits)
            heatmap.name = f"{gene}: {result.name(statistic)}"  # the single heatmap has no colon
            heatmap.colormap = self._workspace.colormap
            layers.update(heatmap, opacity=self._workspace.opacity)
        self._hide_others(viewer)
        if opening:
            _look_at(viewer, *self._cells[0])

    def close(self, viewer: Viewer) -> None:
        """Take the cells away and put grid, camera and other layers back as they were."""
        cells, self._cells = self._cells, []
        if not cells:
            return
        for layer in _flat(cells):
            if layer in viewer.layers:
                viewer.layers.remove(layer)
        layers.update(viewer.canvas.grid, **self._grid)
        layers.update(viewer.scene.camera, **self._camera)
        for layer in viewer.layers:
            layers.update(layer, visible=layer in self._visible)

    def holds(self, layer: Layer) -> bool:
        """Whether a layer is one of a cell's."""
        return any(layer is own for own in _flat(self._cells))

    def _open(self, viewer: Viewer, result: Result, n: int) -> None:
        grid, camera = viewer.canvas.grid, viewer.scene.camera
        self._visible = WeakSet(layer for layer in viewer.layers if layer.visible)
        self._grid = {"enabled": grid.enabled, "stride": grid.stride, "shape": grid.shape}
        self._camera = {"center": camera.center, "zoom": camera.zoom}
        made = [layers.compared_layers(result.slide) for _ in range(n)]
        for layer in _flat(made[::-1]):  # the first cell lies at the top
            viewer.layers.append(layer)
        self._cells = made
        for _, heatmap in made:
            layers.update(heatmap.colorbar, visible=True, size=_BAR, font_size=8)
            layers.update(heatmap.name_overlay, visible=True)
        self._hide_others(viewer)
        layers.update(viewer.canvas.grid, stride=-_IN_CELL, shape=(-1, -1), enabled=True)

    def _intact(self, viewer: Viewer) -> bool:
        """Whether the cells are the topmost layers, in their order."""
        own = list(_flat(self._cells[::-1]))
        top = list(viewer.layers)[-len(own) :] if own else []
        return len(top) == len(own) and all(a is b for a, b in zip(top, own, strict=True))

    def _hide_others(self, viewer: Viewer) -> None:
        for layer in viewer.layers:
            layers.update(layer, visible=self.holds(layer))


def _look_at(viewer: Viewer, picture: Image, heatmap: Image) -> None:
    """Let what is compared fill the cells: a slide's glass would leave it small."""
    viewer.reset_view(layers=[picture])
    whole, (low, high) = np.ptp(picture.extent.world, axis=0), heatmap.extent.world
    viewer.scene.camera.zoom *= _MARGIN * float(np.min(whole / (high - low)))
    viewer.scene.camera.center = tuple((low + high) / 2)


def _flat(cells: Sequence[tuple[Image, Image]]) -> list[Image]:
    return [layer for cell in cells for layer in cell]
