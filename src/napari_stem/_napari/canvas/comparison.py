"""Several heatmaps side by side, each in a cell of napari's grid view, under one camera."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING
from weakref import WeakSet, ref

import numpy as np
from napari.experimental import link_layers, unlink_layers
from qtpy.QtCore import QTimer

from napari_stem._napari.canvas import heatmap, layers
from napari_stem._napari.shell.docks import is_open
from napari_stem._napari.state.comparison import MOST, Cell, contrast_limits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari.layers import Image, Layer
    from napari.viewer import Viewer
    from numpy.typing import NDArray

    from napari_stem._napari.canvas.rasters import Rasters
    from napari_stem._napari.state.result import Result
    from napari_stem._napari.state.workspace import Workspace
    from napari_stem.slides.slide import Slide
    from napari_stem.spots.raster import SpotRaster

_IN_CELL = 2  # layers: the slide, and a heatmap on it
_LINKED = ("colormap", "gamma", "interpolation2d", "opacity")  # kept equal in all heatmaps
_BAR = (18, 80)  # pixels; napari's own size hides a third of a cell
_MARGIN = 0.9


@dataclass(slots=True, eq=False)
class _CellLayers:
    """A slide image with a heatmap on it, and what the heatmap shows."""

    picture: Image
    heatmap: Image
    shown: Cell | None = None
    values: object = None
    placed: tuple[object, ...] = ()

    @property
    def layers(self) -> tuple[Image, Image]:
        return self.picture, self.heatmap


class Comparison:
    """Grid cells with a slide and a heatmap each; all other layers are hidden meanwhile.

    napari fills the cells from the top of the layer list and skips hidden layers. Unused cells
    are hidden and kept, since removing a layer takes much longer. One is made ahead for the next
    gene, while the user looks at the others.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._cells: list[_CellLayers] = []
        self._look: tuple[str, float] = ("", 0.0)
        self._shape = 0, 0  # of the grid
        self._visible: WeakSet[Layer] = WeakSet()
        self._active: WeakSet[Layer] = WeakSet()  # one at most
        self._grid = self._camera = dict[str, object]()

    def show(self, viewer: Viewer, slide: Slide, rasters: Rasters) -> None:
        """Show what the workspace has `compared` on a slide."""
        if not all(_is_of(cell, slide) for cell in self._cells):
            self.close(viewer)
        compared, opening = self._workspace.compared, not self._cells
        if opening:
            self._open(viewer)
        self._assign(viewer, slide, compared)
        cells = self._cells[: len(compared)]
        for cell, shown in zip(cells, compared, strict=True):
            self._fill(cell, shown, rasters)
        self._style()
        self._arrange(viewer, len(compared))
        if opening:
            viewer.layers.selection.active = self._cells[0].heatmap  # the status bar reads it
        shape = viewer.canvas.grid.actual_shape(viewer.layers)
        if shape != self._shape:  # cells are of another size
            self._shape = shape
            _look_at(viewer, cells)
        if self._workspace.comparison.kind == "genes" and is_open(viewer):
            QTimer.singleShot(0, partial(self._prepare, ref(viewer), slide))

    def legend(self) -> str:
        """Where the heatmaps come from, and their units."""
        by_result: dict[Result, list[Cell]] = {}
        for cell in filter(lambda cell: cell.is_there, self._workspace.compared):
            by_result.setdefault(cell.result, []).append(cell)
        lines = []
        for result, cells in by_result.items():
            unit = result.unit_of([(cell.gene, cell.statistic) for cell in cells])
            source, name = self._workspace.source_of(result), cells[0].of
            lines.append(f"{name}: {source}, {unit}" if name else f"{source}\n{unit}")
        if len({result.unit for result in by_result}) > 1:
            lines.append("⚠ The units differ.")
        return "\n".join(lines)

    def close(self, viewer: Viewer) -> None:
        """Remove the cells, and restore grid, camera, selection and the other layers."""
        cells, self._cells = self._cells, []
        if not cells:
            return
        unlink_layers([cell.heatmap for cell in cells])  # napari would keep them for ever
        if _activate_below_mouse in viewer.mouse_move_callbacks:
            viewer.mouse_move_callbacks.remove(_activate_below_mouse)
        layers.remove(viewer.layers, _bottom_up(cells))
        layers.update(viewer.canvas.grid, **self._grid)
        layers.update(viewer.scene.camera, **self._camera)
        for layer in viewer.layers:
            layers.update(layer, visible=layer in self._visible)
            if layer in self._active:
                viewer.layers.selection.active = layer

    def holds(self, layer: Layer) -> bool:
        """Whether a layer belongs to a cell."""
        return any(layer is own for own in _bottom_up(self._cells))

    def _open(self, viewer: Viewer) -> None:
        """Remember grid, camera, selection and visible layers of a viewer."""
        self._look, self._shape = ("", 0.0), (0, 0)
        self._active = WeakSet({viewer.layers.selection.active} - {None})
        grid, camera = viewer.canvas.grid, viewer.scene.camera
        self._visible = WeakSet(layer for layer in viewer.layers if layer.visible)
        self._grid = {"enabled": grid.enabled, "stride": grid.stride, "shape": grid.shape}
        self._camera = {"center": camera.center, "zoom": camera.zoom}
        viewer.mouse_move_callbacks.append(_activate_below_mouse)

    def _assign(self, viewer: Viewer, slide: Slide, compared: Sequence[Cell]) -> None:
        """Order the cells by what they show next; a cell that shows it already is kept."""
        known = {cell.shown: cell for cell in self._cells}
        spare = [cell for cell in self._cells if cell.shown not in compared]
        ordered = []
        for shown in compared:
            cell = known.get(shown) or (spare.pop(0) if spare else self._add(viewer, slide))
            cell.shown = shown
            ordered.append(cell)
        self._cells = ordered + spare

    def _prepare(self, viewer_ref: ref[Viewer], slide: Slide) -> None:
        """Make a hidden cell for the next gene, if there is none."""
        viewer, n_shown = viewer_ref(), len(self._workspace.compared)
        is_needed = 0 < n_shown == len(self._cells) < MOST and _is_of(self._cells[0], slide)
        if is_needed and viewer is not None and is_open(viewer):
            self._add(viewer, slide, visible=False)

    def _add(self, viewer: Viewer, slide: Slide, *, visible: bool = True) -> _CellLayers:
        """Add a cell below the others, without changing the selected layers."""
        stack = viewer.layers
        selected, active = set(stack.selection), stack.selection.active
        cell = _CellLayers(*heatmap.compared_layers(slide))
        for layer in cell.layers:
            layer.visible = visible
        own = (stack.index(layer) for layer in _bottom_up(self._cells))
        place = min(own, default=len(stack))
        for layer in reversed(cell.layers):
            stack.insert(place, layer)
        stack.selection = selected
        stack.selection.active = active
        layers.update(cell.heatmap.colorbar, size=_BAR, font_size=8)
        layers.update(cell.heatmap.name_overlay, visible=True)
        self._link(cell)
        self._cells.append(cell)
        return cell

    def _link(self, cell: _CellLayers) -> None:
        """Give a new heatmap the style of the others, and link it to them."""
        if self._cells:
            first = self._cells[0].heatmap
            layers.update(cell.heatmap, **{name: getattr(first, name) for name in _LINKED})
        link_layers([*(other.heatmap for other in self._cells), cell.heatmap], _LINKED)

    def _fill(self, cell: _CellLayers, shown: Cell, rasters: Rasters) -> None:
        """Update a heatmap, if it shows other values; one that its result lacks is empty."""
        result, gene, statistic, _ = shown
        work, raster = self._workspace, rasters.hatched(result)
        limits = contrast_limits(shown, work.compared, shared=work.shared_contrast)
        values = result.values.get(statistic)
        placed = gene, statistic, shown.title, raster, limits
        if cell.values is values and cell.placed == placed:
            return
        cell.values, cell.placed = values, placed
        known = result.of(gene, statistic) if shown.is_there else _nothing(raster)
        heatmap.show_values(cell.heatmap, result.slide, raster, known, limits)
        layers.update(cell.heatmap.colorbar, visible=shown.is_there)
        cell.heatmap.name = shown.title  # the single heatmap has no colon

    def _style(self) -> None:
        """Apply the workspace's colour map and opacity; all cells follow the first."""
        look = self._workspace.colormap, self._workspace.opacity
        if look != self._look:
            first = self._cells[0].heatmap
            first.colormap, first.opacity = look
            self._look = look

    def _arrange(self, viewer: Viewer, n: int) -> None:
        """Show only the first `n` cells, on top of the layer list."""
        own = _bottom_up(self._cells)
        if not _are_on_top(viewer, own):
            places = [viewer.layers.index(layer) for layer in own]
            viewer.layers.move_multiple(places, len(viewer.layers))
        shown = _bottom_up(self._cells[:n])
        for layer in viewer.layers:
            layers.update(layer, visible=any(layer is each for each in shown))
        layers.update(viewer.canvas.grid, stride=-_IN_CELL, shape=(-1, -1), enabled=True)


def _is_of(cell: _CellLayers, slide: Slide) -> bool:
    return layers.is_layer_of(cell.picture, "compared slide", slide)


def _nothing(raster: SpotRaster) -> NDArray[np.float32]:
    return np.full(raster.n_spots, np.nan, np.float32)


def _look_at(viewer: Viewer, cells: Sequence[_CellLayers]) -> None:
    """Zoom to the heatmaps: a whole slide would leave them small."""
    picture = cells[0].picture
    viewer.reset_view(layers=[picture])
    ends = np.array([cell.heatmap.extent.world for cell in cells])
    whole, low, high = np.ptp(picture.extent.world, axis=0), ends.min((0, 1)), ends.max((0, 1))
    viewer.scene.camera.zoom *= _MARGIN * float(np.min(whole / (high - low)))
    viewer.scene.camera.center = tuple((low + high) / 2)


def _are_on_top(viewer: Viewer, own: Sequence[Layer]) -> bool:
    top = list(viewer.layers)[-len(own) :]  # a slice of napari's list is costly
    return all(a is b for a, b in zip(top, own, strict=True))


def _bottom_up(cells: Sequence[_CellLayers]) -> list[Image]:
    """Layers of cells from the bottom of the layer list; the first cell is on top."""
    return [layer for cell in reversed(cells) for layer in cell.layers]


def _below_mouse(viewer: Viewer) -> Layer | None:
    """The heatmap of the cell that the mouse is in."""
    place = viewer.cursor.viewbox
    found = () if place is None else viewer.canvas.grid.contents_at(place, viewer.layers)
    inside = (viewer.layers[number] for number in found)
    return next((layer for layer in inside if _is_heatmap(layer)), None)


def _is_heatmap(layer: Layer | None) -> bool:
    return layer is not None and layers.role_of(layer) == "compared heatmap"


def _activate_below_mouse(viewer: Viewer, event: object) -> None:
    """Make the heatmap below the mouse the active layer, of which the status bar tells."""
    active = viewer.layers.selection.active
    below = _below_mouse(viewer) if _is_heatmap(active) else active
    if below is not None and below is not active:
        viewer.layers.selection.active = below
