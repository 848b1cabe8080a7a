from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from anndata import AnnData
from qtpy.QtGui import QShortcut

from napari_stem._napari.canvas import layers
from napari_stem._napari.canvas.attach import workspace_of
from napari_stem._napari.files import opening
from napari_stem._napari.results.compare_box import CompareBox
from napari_stem._napari.shell.docks import open_dock
from napari_stem._napari.shell.shortcuts import HEATMAP
from napari_stem._napari.state.comparison import Comparison
from napari_stem._napari.state.result import Result
from napari_stem._napari.state.workspace import Workspace
from napari_stem.events import finish
from napari_stem.sections.section import Section

GENES = ("A", "B", "C")
SELECTED, MEASURED, NONE = "selected genes", "measured values", "none"


@pytest.fixture
def workspace(viewer, section: Section) -> Workspace:
    work = workspace_of(viewer)
    work.take_slide(section.slide)
    work.take_result(make_result(section))
    return work


def make_result(section: Section, genes: tuple[str, ...] = GENES, **more: float) -> Result:
    n = section.spots.n_obs
    values = np.arange(len(genes) * n, dtype=np.float32).reshape(n, -1)
    whole = {"mean": values, **{name: values + shift for name, shift in more.items()}}
    return Result(section.slide, section.spots, genes, "log2(count + 1)", whole, 4)


def compared(workspace: Workspace) -> list[tuple[str, str]]:
    """Gene and statistic of each cell."""
    return [(cell.gene, cell.statistic) for cell in workspace.compared]


def cells(viewer) -> list[list[str]]:
    """Names of the layers in each cell of the grid, left to right, bottom first."""
    grid = viewer.canvas.grid
    names = [layer.name for layer in viewer.layers]
    shown = {
        place: [names[i] for i in indices]
        for place, indices in grid.iter_viewboxes(viewer.layers)
        if indices
    }
    return [shown[place] for place in sorted(shown)]


def choose(box: CompareBox, text: str) -> None:
    box.setCurrentText(text)
    box.activated.emit(box.currentIndex())


def test_each_gene_has_a_cell_with_its_values_over_the_slide(viewer, workspace, section):
    single = viewer.layers["A mean"]
    workspace.compare(Comparison("genes", ("C", "A", "B")))
    assert viewer.canvas.grid.enabled
    slide = section.slide.name
    found = [[name.split(" [")[0] for name in cell] for cell in cells(viewer)]
    assert found == [[slide, "C: mean"], [slide, "A: mean"], [slide, "B: mean"]]
    heatmap = viewer.layers["C: mean"]
    values = np.unique(heatmap.data[~np.isnan(heatmap.data)])
    np.testing.assert_array_equal(values, workspace.result.of("C", "mean"))
    np.testing.assert_allclose(heatmap.extent.world, single.extent.world)


def test_ending_it_brings_everything_back(viewer, workspace, section):
    viewer.add_points(np.zeros((1, 2)), name="own", **layers.placement(section.slide))
    viewer.scene.camera.zoom = 3.5
    viewer.layers.selection.active = viewer.layers["A mean"]
    before = [(layer.name, layer.visible) for layer in viewer.layers]
    workspace.compare(Comparison("genes", ("B", "C")))
    workspace.end_comparison()
    assert [(layer.name, layer.visible) for layer in viewer.layers] == before
    assert not viewer.canvas.grid.enabled
    assert viewer.scene.camera.zoom == pytest.approx(3.5)
    assert viewer.layers.selection.active.name == "A mean"  # whose values the status tells


def test_it_ends_without_the_layer_of_a_cell_and_without_its_genes(viewer, workspace, section):
    workspace.compare(Comparison("genes", ("B", "C")))
    viewer.layers.remove("B: mean")
    assert workspace.compared == ()
    assert [layer.name for layer in viewer.layers if layer.visible][1:] == ["A mean"]
    workspace.compare(Comparison("genes", ("B", "C")))
    workspace.take_result(make_result(section, ("X", "Y")))
    assert workspace.compared == ()
    assert [layer.name for layer in viewer.layers if layer.visible][1:] == ["X mean"]


def test_one_more_gene_leaves_the_cells_that_are_there_and_one_less_removes_no_layer(
    viewer, workspace
):
    workspace.compare(Comparison("genes", ("A", "B")))
    before = list(viewer.layers)
    own = [layer for layer in before if ":" in layer.name]
    painted = [layer.data.copy() for layer in own]
    changed = []
    for layer in own:
        layer.events.set_data.connect(changed.append)
    workspace.compare(Comparison("genes", ("A", "B", "C")))
    assert [cell[1] for cell in cells(viewer)] == ["A: mean", "B: mean", "C: mean"]
    assert all(any(layer is other for other in viewer.layers) for layer in before)
    assert len(viewer.layers) == len(before) + 2
    for layer, pixels in zip(own, painted, strict=True):
        np.testing.assert_array_equal(layer.data, pixels)
    assert not changed
    before, removed = list(viewer.layers), []
    viewer.layers.events.removed.connect(removed.append)
    workspace.compare(Comparison("genes", ("A", "C")))
    assert [cell[1] for cell in cells(viewer)] == ["A: mean", "C: mean"]
    workspace.compare(Comparison("genes", ("A", "C", "B")))
    assert [cell[1] for cell in cells(viewer)] == ["A: mean", "C: mean", "B: mean"]
    assert set(map(id, viewer.layers)) == set(map(id, before))
    assert not removed


def test_the_next_gene_finds_its_layers_there(viewer, workspace, qtbot):
    before = len(viewer.layers)
    workspace.compare(Comparison("genes", ("A",)))
    selected = viewer.layers.selection.active
    qtbot.waitUntil(lambda: len(viewer.layers) == before + 4)  # of two cells
    assert [cell[1] for cell in cells(viewer)] == ["A: mean"]
    assert viewer.layers.selection.active is selected
    inserted = []
    viewer.layers.events.inserted.connect(inserted.append)
    workspace.compare(Comparison("genes", ("A", "B")))
    assert [cell[1] for cell in cells(viewer)] == ["A: mean", "B: mean"]
    assert not inserted
    workspace.compare(Comparison())
    assert len(viewer.layers) == before
    qtbot.wait(10)  # none is made ahead for what has ended
    assert len(viewer.layers) == before


def test_what_is_looked_at_stays_unless_cells_change_their_size(viewer, workspace):
    workspace.compare(Comparison("genes", ("A", "B")))
    wide = viewer.scene.camera.zoom
    workspace.compare(Comparison("genes", ("A", "B", "C")))  # two rows
    viewer.scene.camera.zoom = 2 * viewer.scene.camera.zoom
    mine = viewer.scene.camera.zoom
    workspace.compare(Comparison("genes", ("A", "C", "B")))
    assert viewer.scene.camera.zoom == mine
    workspace.compare(Comparison("genes", ("A", "B")))
    assert viewer.scene.camera.zoom == pytest.approx(wide)


def test_what_a_user_does_to_one_heatmap_all_do(viewer, workspace):
    workspace.compare(Comparison("genes", ("A", "B")))
    viewer.layers["B: mean"].colormap = "magma"
    viewer.layers["B: mean"].gamma = 0.5
    workspace.compare(Comparison("genes", ("A", "B", "C")))  # it stays so, with one more
    heatmaps = [viewer.layers[f"{gene}: mean"] for gene in GENES]
    assert [layer.colormap.name for layer in heatmaps] == ["magma"] * 3
    assert [layer.gamma for layer in heatmaps] == [0.5] * 3
    workspace.colormap, workspace.opacity = "inferno", 0.3
    assert [layer.colormap.name for layer in heatmaps] == ["inferno"] * 3
    assert [layer.opacity for layer in heatmaps] == [0.3] * 3
    workspace.end_comparison()
    heatmaps[0].opacity = 1.0
    assert heatmaps[1].opacity == 0.3  # nothing holds on to what was taken away


def test_cells_stay_in_order_above_what_a_user_puts_on_top(viewer, workspace, section):
    workspace.compare(Comparison("genes", ("A", "B")))
    viewer.add_points(np.zeros((1, 2)), name="own", **layers.placement(section.slide))
    workspace.opacity = 0.5
    assert [cell[1] for cell in cells(viewer)] == ["A: mean", "B: mean"]
    viewer.layers.move(viewer.layers.index("A: mean"), 0)
    workspace.compare(Comparison("genes", ("C", "A", "B")))
    found = [[name.split(" [")[0] for name in cell] for cell in cells(viewer)]
    slide = section.slide.name
    assert found == [[slide, "C: mean"], [slide, "A: mean"], [slide, "B: mean"]]
    workspace.end_comparison()
    assert [layer.name for layer in viewer.layers if layer.visible][1:] == ["A mean"]


def test_the_box_offers_measured_values_where_there_are_some(workspace, section, qtbot):
    box = CompareBox(workspace, list)
    qtbot.addWidget(box)
    item = box.model().item(box.findText(MEASURED))
    assert not item.isEnabled()
    workspace.take_result(make_result(section, truth=1.0))
    assert item.isEnabled()
    choose(box, MEASURED)
    assert compared(workspace) == [("A", "mean"), ("A", "truth")]
    workspace.gene = "B"
    assert compared(workspace) == [("B", "mean"), ("B", "truth")]
    workspace.take_result(make_result(section))
    assert (workspace.compared, box.currentText()) == ((), NONE)


def test_two_boxes_compare_the_selected_genes_and_show_what_is_compared(workspace, qtbot):
    one, other = (CompareBox(workspace, lambda: ["C", "A"]) for _ in range(2))
    qtbot.addWidget(one)
    qtbot.addWidget(other)
    choose(one, SELECTED)
    assert other.currentText() == SELECTED
    workspace.gene = "B"
    assert compared(workspace) == [("C", "mean"), ("A", "mean")]
    choose(other, NONE)
    assert (workspace.compared, one.currentText()) == ((), NONE)
    choose(one, SELECTED)
    assert compared(workspace) == [("C", "mean"), ("A", "mean")]
    workspace.end_comparison()
    assert (one.currentText(), other.currentText()) == (NONE, NONE)


def test_selected_genes_lie_side_by_side_also_when_the_key_that_hides_the_heatmap_is_pressed(
    viewer, dock, section
):
    dock.workspace.take_slide(section.slide)
    dock.workspace.take_result(make_result(section))
    panel = dock.result
    choose(panel.compare, SELECTED)
    assert [gene for gene, _ in compared(dock.workspace)] == ["A"]
    panel.genes.view.selectAll()
    assert [gene for gene, _ in compared(dock.workspace)] == ["A", "B", "C"]
    assert panel.statistic.isEnabled()
    last = AnnData(np.zeros((section.spots.n_obs, 3)), var={"mean": [1.0, 2.0, 3.0]})
    last.var_names, last.uns["napari_stem"] = list(GENES), {}
    dock.workspace.take_result(replace(make_result(section), prediction=last))
    assert panel.genes.view.model().columnCount() == 2  # more columns come with the last draw
    assert [gene for gene, _ in compared(dock.workspace)] == ["A", "B", "C"]
    before = cells(viewer)
    assert len(before) == 3
    (key,) = dock.findChildren(QShortcut, HEATMAP.keys)
    key.activated.emit()
    assert cells(viewer) == before


def test_measured_values_are_compared_with_the_mean_alone(dock, section):
    dock.workspace.take_slide(section.slide)
    dock.workspace.take_result(make_result(section, truth=1.0))
    panel = dock.result
    choose(panel.compare, MEASURED)
    assert not panel.statistic.isEnabled()
    choose(panel.compare, NONE)
    assert panel.statistic.isEnabled()


def test_inspecting_and_drawing_a_region_end_it(viewer, dock, section, trained):
    work, own = dock.workspace, [section.slide.name, "A mean"]
    work.take_slide(section.slide)
    work.take_result(make_result(section))
    work.checkpoint = finish(opening.describe_checkpoint(trained.path))
    inspect = open_dock(viewer, "Inspect")
    work.compare(Comparison("genes", ("B", "C")))
    inspect.inspect((200, 200))
    assert work.compared == ()
    assert [layer.name for layer in viewer.layers if layer.visible] == [*own, "Inspected patches"]
    work.compare(Comparison("genes", ("B", "C")))
    dock.spots.draw("add_rectangle")
    assert work.compared == ()
    assert {layer.name for layer in viewer.layers if layer.visible} >= {*own, "Region"}


def test_a_statistic_that_is_the_same_for_all_genes_has_one_cell_without_a_gene(
    viewer, workspace, section
):
    workspace.show(make_result(section, ood=0.0), "ood")
    workspace.compare(Comparison("genes", ("A", "B")))
    ((_, name),) = cells(viewer)
    assert name.startswith("All genes: ")
