"""The list of results: one is shown, several are compared; with real clicks and keys."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from napari.viewer import Viewer
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_stem._napari.predict.dock import PredictDock
from napari_stem._napari.state.request import PredictRequest
from napari_stem._napari.state.result import Result
from napari_stem.spots.table import positions

from ..conftest import CHECKPOINT, LEFT
from ..private_names import canvas_of

CTRL = Qt.KeyboardModifier.ControlModifier
N_REGION = 6


@pytest.fixture
def viewer(make_napari_viewer: Any) -> Viewer:
    return make_napari_viewer(show=True, strict_qt="raise")


@pytest.fixture
def two(dock, section) -> PredictDock:
    """The slide's result with the genes A and B, and that of a region, on half the scale."""
    work = dock.workspace
    work.take_slide(section.slide)
    whole = PredictRequest(section.slide, section.spots, CHECKPOINT)
    part = section.spots[:N_REGION].copy()
    region = replace(whole, spots=part, whole=section.spots, name="Region")
    work.take_result(result_of(whole, ("A", "B"), scale=1.0))
    work.take_result(result_of(region, ("B", "C"), scale=0.5))
    return dock


def result_of(request: PredictRequest, genes: tuple[str, ...], scale: float) -> Result:
    n = request.spots.n_obs
    values = scale * np.arange(n * len(genes), dtype=np.float32).reshape(n, -1)
    whole = {"mean": values, **({"std": values / 2} if scale == 1 else {})}
    return Result(request.slide, request.spots, genes, "log2(count + 1)", whole, 4, request=request)


def press(dock, qtbot, row: int, modifier: Any = Qt.KeyboardModifier.NoModifier) -> None:
    found = dock.results.list
    place = found.visualItemRect(found.item(row)).center()
    qtbot.mouseClick(found.viewport(), LEFT, modifier, place)


def visible(viewer) -> list[str]:
    """Names of heatmaps, from the top of the layer list: the first cell is the first."""
    own = [x for x in viewer.layers if x.visible and not x.rgb]
    return [layer.name for layer in reversed(own)]


def hover(viewer, work, column: int, spot: int, of: Result) -> tuple[str, str]:
    """What the status bar tells where the mouse is over a spot in a column of two cells."""
    canvas, camera, mpp = canvas_of(viewer), viewer.scene.camera, work.slide.mpp
    x, y = (positions(of.spots)[spot] - 0.5) * mpp
    _, row, middle = camera.center
    left = canvas.width() * (0.25 + 0.5 * column)
    place = QPoint(
        round(left + (x - middle) * camera.zoom),
        round(canvas.height() / 2 + (y - row) * camera.zoom),
    )
    QApplication.processEvents()
    for step in (2, 0):  # a mouse comes from somewhere
        QTest.mouseMove(canvas, place + QPoint(step, 0))
        QTest.qWait(20)
    viewer.update_status_from_cursor()
    return viewer.status["layer_name"], viewer.status["value"]


def test_two_results_lie_side_by_side_on_one_scale_tell_their_values_and_one_alone_comes_back(
    two, viewer, qtbot
):
    work = two.workspace
    assert visible(viewer) == ["B mean"]  # of the region
    press(two, qtbot, 0, CTRL)
    assert work.shown == 1  # neither spots nor clusters change
    assert visible(viewer) == ["any: B mean", "Region: B mean"]
    assert two.result.compare.currentText() == "other results"
    whole, region = (kept.result for kept in work.session.kept)
    heatmaps = [viewer.layers[name] for name in visible(viewer)]
    scales = [tuple(layer.contrast_limits) for layer in heatmaps]
    (low, high), (lower, higher) = (one.limits("B", "mean") for one in (whole, region))
    assert scales == [(min(low, lower), max(high, higher))] * 2
    for layer, result in zip(heatmaps, (whole, region), strict=True):
        found = np.unique(layer.data[~np.isnan(layer.data)])
        np.testing.assert_array_equal(found, result.of("B", "mean"))
    text = viewer.canvas.overlays.text.text.split("\n")
    assert [line.split(":")[0] for line in text] == ["any", "Region"]
    assert not two.results.edit_button.isEnabled()
    for spot in (0, 4):
        for column, (name, result) in enumerate((("any", whole), ("Region", region))):
            told, value = hover(viewer, work, column, spot, result)
            assert told == f"{name}: B mean"
            assert float(value) == result.of("B", "mean")[spot]
    press(two, qtbot, 1)
    assert (work.compared, visible(viewer)) == ((), ["B mean"])
    assert not viewer.canvas.grid.enabled
    assert two.results.edit_button.isEnabled()


def test_a_gene_or_a_statistic_that_a_result_lacks_is_told(two, viewer, qtbot):
    press(two, qtbot, 0, CTRL)
    two.activateWindow()
    qtbot.keyClick(two.result.genes.search, Qt.Key.Key_PageDown, CTRL)  # to the region's C
    assert two.workspace.gene == "C"
    assert visible(viewer) == ["any: no C", "Region: C mean"]
    empty, there = (viewer.layers[name] for name in visible(viewer))
    assert np.isnan(empty.data).all()
    assert (empty.colorbar.visible, there.colorbar.visible) == (False, True)
    press(two, qtbot, 0)
    two.workspace.gene, two.workspace.statistic = "B", "std"
    press(two, qtbot, 1, CTRL)
    assert visible(viewer) == ["any: B SD", "Region: no SD"]


def test_more_draws_reach_the_cells_and_a_deleted_result_ends_them(two, viewer, qtbot):
    work = two.workspace
    press(two, qtbot, 0, CTRL)
    (whole, _) = work.session.kept
    more = {"mean": whole.result.values["mean"] + 1}
    work.take_result(replace(whole.result, values=more, n_draws=9))
    shown = viewer.layers["any: B mean"].data
    assert np.nanmin(shown) == whole.result.of("B", "mean").min() + 1
    work.rename_result(0, "slide")
    assert visible(viewer) == ["slide: B mean", "Region: B mean"]
    work.delete_result(0)
    assert (work.compared, visible(viewer)) == ((), ["B mean"])
    assert two.results.list.count() == 1


def test_keys_select_results_and_the_box_compares_all(two, viewer, qtbot):
    work, found = two.workspace, two.results.list
    assert found.currentRow() == 1
    qtbot.keyClick(found, Qt.Key.Key_Up, Qt.KeyboardModifier.ShiftModifier)
    assert [cell.of for cell in work.compared] == ["any", "Region"]
    qtbot.keyClick(found, Qt.Key.Key_Down)
    assert (work.compared, work.shown) == ((), 1)
    qtbot.keyClick(found, Qt.Key.Key_Up)
    assert (work.shown, visible(viewer)) == (0, ["A mean"])
    work.gene = "B"
    box = two.result.compare
    qtbot.keyClick(box, Qt.Key.Key_End)
    assert box.currentText() == "other results"
    assert visible(viewer) == ["any: B mean", "Region: B mean"]
    assert [index.row() for index in found.selectedIndexes()] == [0, 1]
    qtbot.keyClick(box, Qt.Key.Key_Home)
    assert (work.compared, [x.row() for x in found.selectedIndexes()]) == ((), [0])
