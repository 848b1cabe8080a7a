"""Keyboard shortcuts that change the shown gene and statistic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_stem._napari.canvas import heatmap, layers
from napari_stem._napari.shell import shortcuts

if TYPE_CHECKING:
    from napari.viewer import Viewer

    from napari_stem._napari.results.result_panel import ResultPanel
    from napari_stem._napari.state.workspace import Workspace


def bind_result_keys(viewer: Viewer, panel: ResultPanel) -> None:
    """Bind the keys for the next and previous gene, the heatmap, and mean or SD."""
    work, table = panel.workspace, panel.genes
    shortcuts.NEXT_GENE.bind(panel, lambda: _step(panel, +1), table.search, table.view)
    shortcuts.PREVIOUS_GENE.bind(panel, lambda: _step(panel, -1), table.search, table.view)
    shortcuts.HEATMAP.bind(panel, lambda: _toggle_heatmap(viewer, work), panel.opacity)
    shortcuts.SPREAD.bind(panel, lambda: _toggle_spread(work), panel.statistic)


def _step(panel: ResultPanel, step: int) -> None:
    """Show the next or the previous gene of the table."""
    genes, work = panel.genes.visible_genes(), panel.workspace
    if not genes:
        return
    here = genes.index(work.gene) if work.gene in genes else -step
    work.gene = genes[min(max(here + step, 0), len(genes) - 1)]


def _toggle_heatmap(viewer: Viewer, work: Workspace) -> None:
    if work.compared:  # the comparison hides it
        return
    role = heatmap.heatmap_role(work.statistic)
    for layer in viewer.layers:
        if work.slide is not None and layers.is_layer_of(layer, role, work.slide):
            layer.visible = not layer.visible
            layer.colorbar.visible = layer.visible


def _toggle_spread(work: Workspace) -> None:
    if work.result is not None:
        spread = work.statistic == "mean" and "std" in work.result.values
        work.statistic = "std" if spread else "mean"
