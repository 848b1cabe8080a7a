"""Inspecting a slide as a user does: real mouse events on a real canvas, a real checkpoint."""

from __future__ import annotations

import gc
from typing import Any
from weakref import ref

import numpy as np
import pandas as pd
import pytest
from napari.viewer import Viewer
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QAbstractButton, QApplication, QComboBox, QFileDialog, QTableWidget

from napari_stem._napari.canvas.drawn_region import selected_region
from napari_stem._napari.files import opening
from napari_stem._napari.inspect.dock import InspectDock
from napari_stem._napari.shell.docks import open_dock
from napari_stem._napari.shell.remembered import remember
from napari_stem._napari.state.grid_choice import GridChoice
from napari_stem.events import finish
from napari_stem.prediction.inspect import Inspector
from napari_stem.prediction.options import PredictOptions
from napari_stem.slides.slide import Slide
from napari_stem.spots.table import positions

from .. import canvas_mouse
from ..conftest import LEFT, PATIENCE, controls_of, is_busy
from ..private_names import tasks_of

HERE = (600.0, 600.0)
ELSEWHERE = (400.0, 700.0)


@pytest.fixture
def viewer(make_napari_viewer: Any) -> Viewer:
    return make_napari_viewer(show=True, strict_qt="raise")


@pytest.fixture
def dock(viewer: Viewer) -> InspectDock:
    """The dock, opened as the menu opens it."""
    remember(n_draws=4, device="cpu")
    _, widget = viewer.window.add_plugin_dock_widget("napari-stem", "Inspect")
    assert isinstance(widget, InspectDock)
    return widget


@pytest.fixture
def tool(dock: InspectDock, section, trained, qtbot) -> InspectDock:
    """The dock with slide, spots and checkpoint, and its tool in the hand."""
    dock.workspace.take_slide(section.slide)
    dock.workspace.spots = section.spots
    dock.workspace.checkpoint = finish(opening.describe_checkpoint(trained.path))
    qtbot.mouseClick(dock.tool_button, LEFT)
    assert dock.tool.is_on
    return dock


def click(tool: InspectDock, viewer: Viewer, xy) -> None:
    assert tool.workspace.slide
    canvas_mouse.click(viewer, tool.workspace.slide, xy)


def inspect(tool: InspectDock, viewer: Viewer, qtbot, xy) -> Any:
    """Click and wait for the point."""
    before = len(tool.points.points)
    click(tool, viewer, xy)
    qtbot.waitUntil(lambda: len(tool.points.points) > before, timeout=PATIENCE)
    qtbot.waitUntil(lambda: not is_busy(viewer), timeout=PATIENCE)
    return tool.points.points[-1].inspection


def draw(tool: InspectDock, viewer: Viewer, low, high) -> None:
    """Draw a rectangle with Shift and a drag."""
    shift = Qt.KeyboardModifier.ShiftModifier
    canvas_mouse.drag(viewer, tool.workspace.slide, low, high, shift)


def outlined(viewer: Viewer) -> list[tuple[float, float]]:
    """Centres (x, y) and nothing else of what is outlined, in micrometres."""
    layer = viewer.layers["Inspected patches"]
    corners = [[layer.data_to_world(corner) for corner in shape] for shape in layer.data]
    return [tuple(np.mean(shape, axis=0)[::-1]) for shape in corners]


def test_the_tool_says_what_is_missing(dock, section, trained):
    assert not dock.tool_button.isEnabled()
    assert "Choose a slide and a checkpoint" in dock.hint.text()
    bare = section.slide.with_mpp(1.0)
    bare.mpp = None
    dock.workspace.take_slide(bare)
    assert "Choose a checkpoint" in dock.hint.text()
    dock.workspace.checkpoint = finish(opening.describe_checkpoint(trained.path))
    assert not dock.tool_button.isEnabled()
    assert "Type the scale (µm/px)" in dock.hint.text()
    dock.workspace.take_slide(section.slide)
    assert dock.tool_button.isEnabled()
    assert dock.hint.isHidden()


def test_a_click_outlines_its_fields_at_once_and_draws_what_the_core_draws_there(
    tool, viewer, qtbot, section, trained, messages
):
    selected = set(viewer.layers.selection)
    click(tool, viewer, HERE)
    assert not tool.points.points
    layer = viewer.layers["Inspected patches"]
    widths = [np.ptp(shape[:, 1]) * section.slide.mpp for shape in layer.data]
    assert sorted(widths) == pytest.approx([112, 280])
    assert [str(unit) for unit in layer.units] == ["micrometer", "micrometer"]
    qtbot.waitUntil(lambda: len(tool.points.points) == 1, timeout=PATIENCE)
    inspection = tool.points.points[0].inspection
    x, y = inspection.xy
    for centre in outlined(viewer):  # napari's pixel 0 is centred at 0, ours at 0.5
        assert centre == pytest.approx(((x - 0.5) * 0.5, (y - 0.5) * 0.5))
    assert viewer.canvas.overlays.scale_bar.visible
    assert set(viewer.layers.selection) == selected  # an export takes selected shapes as regions
    assert not selected_region(viewer, section.slide)

    # A screen pixel is about 2 of the slide's here, and the mouse stands on whole ones.
    np.testing.assert_allclose(inspection.xy, HERE, atol=1.5)
    core = Inspector(trained.checkpoint, PredictOptions(n_draws=4))
    *_, expected = core.iter_inspect(section.slide, inspection.xy, spot_diameter_px=110)
    np.testing.assert_array_equal(inspection.draws, expected.draws)
    np.testing.assert_allclose(inspection.nearest, expected.nearest, rtol=1e-4)
    qtbot.waitUntil(lambda: "4 draws" in tool.point.note.text(), timeout=PATIENCE)
    assert not messages


def test_the_latest_click_wins(tool, viewer, qtbot):
    tool.workspace.options = PredictOptions(n_draws=400, sampler="ancestral", steps=100)
    click(tool, viewer, HERE)
    qtbot.waitUntil(lambda: "of 400 draws" in tool.point.note.text(), timeout=PATIENCE)
    tool.workspace.options = PredictOptions(n_draws=4)
    inspection = inspect(tool, viewer, qtbot, ELSEWHERE)
    np.testing.assert_allclose(inspection.xy, ELSEWHERE, atol=1.5)
    assert len(tool.points.points) == 1
    assert tool.point.inspection is inspection


def test_a_double_click_is_one_click_and_does_not_zoom(tool, viewer, qtbot, section):
    zoom = viewer.scene.camera.zoom
    canvas_mouse.double_click(viewer, section.slide, HERE)
    qtbot.waitUntil(lambda: len(tool.points.points) == 1, timeout=PATIENCE)
    qtbot.waitUntil(lambda: not is_busy(viewer), timeout=PATIENCE)
    assert len(tool.points.points) == 1
    assert viewer.scene.camera.zoom == zoom
    qtbot.mouseClick(tool.tool_button, LEFT)
    canvas_mouse.double_click(viewer, section.slide, HERE)
    assert viewer.scene.camera.zoom == pytest.approx(2 * zoom)


def test_a_drag_pans_as_everywhere_and_the_region_button_arms_one_rectangle(
    tool, viewer, qtbot, section
):
    camera, work = viewer.scene.camera, tool.workspace
    work.grid, work.options = GridChoice(60.0, 30.0), PredictOptions(n_draws=1)
    canvas_mouse.drag(viewer, section.slide, (500, 500), (600, 540))
    centre = np.array(camera.center[-2:])
    assert not is_busy(viewer)
    assert not tool.points.points
    qtbot.mouseClick(tool.region_button, LEFT)
    assert "Drag a rectangle" in tool.hint.text()
    sides = []
    tool.tool.dragging.connect(lambda *_: sides.append(len(viewer.layers["Drawn line"].data)))
    canvas_mouse.drag(viewer, section.slide, (400, 400), (900, 900))
    assert set(sides) == {4}
    assert not viewer.layers["Drawn line"].visible
    assert "Inspected patches" not in viewer.layers  # a move changes nothing but the line
    np.testing.assert_array_equal(centre, camera.center[-2:])
    assert not tool.region_button.isChecked()
    assert camera.mouse_pan
    qtbot.waitUntil(lambda: work.result is not None and work.run.request is None)
    canvas_mouse.drag(viewer, section.slide, (700, 640), (600, 600))  # no second rectangle
    # (row, column) in micrometres; the mouse stands on whole screen pixels.
    np.testing.assert_allclose(camera.center[-2:] - centre, (20, 50), atol=3)
    assert not tool.region.is_running
    assert not tool.points.points


def test_escape_and_the_key_switch_the_tool(tool, viewer, qtbot):
    canvas_mouse.press_key(viewer, Qt.Key.Key_Escape)
    assert not tool.tool.is_on
    assert not tool.tool_button.isChecked()
    click(tool, viewer, HERE)
    assert not is_busy(viewer)
    canvas_mouse.press_alt_i(viewer)
    assert tool.tool.is_on
    qtbot.keyClick(tool.tool_button, Qt.Key.Key_Escape)
    assert not tool.tool.is_on
    lasso, zooms = open_dock(viewer, "Explore").lasso, viewer.mouse_double_click_callbacks[:]
    pick = open_dock(viewer, "Clusters").legend.pick_button
    pick.setChecked(True)
    lasso.switch(True)
    tool.tool.switch(True)
    assert (pick.isChecked(), lasso.is_on) == (False, False)
    assert not viewer.mouse_double_click_callbacks
    canvas_mouse.press_key(viewer, Qt.Key.Key_Escape)
    assert not tool.tool.is_on
    assert viewer.mouse_double_click_callbacks == zooms
    pick.setChecked(True)
    canvas_mouse.press_key(viewer, Qt.Key.Key_Escape)
    assert not pick.isChecked()


def test_a_click_beside_the_slide_and_a_rectangle_without_tissue_are_hints(
    tool, viewer, qtbot, messages
):
    click(tool, viewer, (-40.0, 600.0))
    assert "outside the slide" in tool.hint.text()
    assert not tool.points.points
    inspect(tool, viewer, qtbot, HERE)
    assert "outside the slide" not in tool.hint.text()
    draw(tool, viewer, (5, 5), (60, 60))
    qtbot.waitUntil(lambda: "No tissue was detected in the rectangle" in tool.hint.text())
    assert tool.workspace.result is None
    assert not messages


def test_points_are_listed_shown_again_and_saved(
    tool, viewer, qtbot, monkeypatch, tmp_path, messages
):
    first = inspect(tool, viewer, qtbot, HERE)
    second = inspect(tool, viewer, qtbot, ELSEWHERE)
    work, table = tool.workspace, tool.points.table
    assert len(work.unsaved_points()) == 2
    work.gene = "COL1A1"
    rows = [[table.item(row, column).text() for column in range(4)] for row in range(2)]
    assert rows == [
        [str(n), f"{p.xy[0] / 2:.0f}", f"{p.xy[1] / 2:.0f}", f"{p.mean('COL1A1'):.2f}"]
        for n, p in ((1, first), (2, second))
    ]
    assert table.horizontalHeaderItem(3).text() == "COL1A1"
    assert tool.point.inspection is second
    qtbot.mouseClick(table.viewport(), LEFT, pos=table.visualItemRect(table.item(0, 1)).center())
    assert tool.point.inspection is first
    assert len(viewer.layers["Inspected patches"].data) == 3  # the fields of one, and the other

    qtbot.mouseClick(tool.points.copy_button, LEFT)
    copied = QApplication.clipboard().text()
    path = tmp_path / "5.5 um.csv"
    answer = str(path.with_suffix(""))  # the dialog is the system's
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (answer, ""))
    qtbot.mouseClick(tool.points.save_button, LEFT)
    qtbot.waitUntil(lambda: messages == [f"info: Written: {path.name}"], timeout=PATIENCE)
    assert path.read_text() == copied
    assert not work.unsaved_points()
    kept = pd.read_csv(path)
    assert kept["point"].tolist() == [1, 2]
    np.testing.assert_allclose(kept["COL1A1 mean"], [first.mean("COL1A1"), second.mean("COL1A1")],
                               rtol=1e-5)  # fmt: skip
    qtbot.mouseClick(tool.points.clear_button, LEFT)
    assert not tool.points.points
    qtbot.mouseClick(tool.points.undo_button, LEFT)
    assert [point.number for point in tool.points.points] == [1, 2]
    assert tool.points.undo_button.isHidden()
    qtbot.mouseClick(tool.points.clear_button, LEFT)
    assert not tool.points.points
    assert len(viewer.layers["Inspected patches"].data) == 0


def test_points_wait_until_their_slide_or_their_checkpoint_returns(
    tool, viewer, qtbot, section, trained, tmp_path
):
    inspection, mine = inspect(tool, viewer, qtbot, HERE), tool.workspace.checkpoint
    other = Slide.from_array(np.full((900, 900, 3), 200, np.uint8), mpp=0.5, name="other")
    tool.workspace.take_slide(other)
    assert not tool.points.points
    assert tool.point.inspection is None
    tool.workspace.take_slide(section.slide)
    assert len(tool.points.points) == 1
    assert tool.point.inspection is inspection
    assert viewer.layers[f"Inspected patches · {section.slide.name}"].visible

    another = tmp_path / "other.safetensors"
    header = trained.path.read_bytes()
    another.write_bytes(header[:-4] + b"\0\0\0\1")
    tool.workspace.checkpoint = finish(opening.describe_checkpoint(another))
    assert tool.points.table.rowCount() == 0
    tool.workspace.checkpoint = finish(opening.describe_checkpoint(trained.path))
    assert tool.workspace.checkpoint is not mine
    assert tool.point.inspection is inspection


def test_the_measured_spot_is_told_and_marked(tool, viewer, qtbot, section):
    spot = positions(section.spots)[10]
    inspection = inspect(tool, viewer, qtbot, spot)
    assert f"measured at {section.spots.obs_names[10]}" in tool.point.note.text()
    counts = section.spots[:, "EPCAM"].X.toarray().ravel()
    (row,) = (row for row in tool.point.plot.rows if row.name == "EPCAM")
    assert row.truth == pytest.approx(np.log2(counts[10] + 1))
    assert row.mean == inspection.mean("EPCAM")


def test_foreign_tissue_is_not_to_be_trusted(tool, viewer, qtbot, sections):
    known = sections[0]
    tool.workspace.take_slide(known.slide)
    inspect(tool, viewer, qtbot, positions(known.spots)[10])
    trusted = tool.point.trust.text()
    noise = np.random.default_rng(0).integers(0, 255, (1200, 1200, 3), dtype=np.uint8)
    tool.workspace.take_slide(Slide.from_array(noise, mpp=0.5, name="noise"))
    inspect(tool, viewer, qtbot, HERE)
    assert "unreliable" in tool.point.trust.text()
    assert trusted == "✓ Similar to the training tissue."


def test_a_marker_set_chooses_the_genes_and_a_click_on_one_shows_it(tool, viewer, qtbot):
    box = tool.point.markers.box
    qtbot.waitUntil(lambda: box.findText("Immune cells") > 0, timeout=PATIENCE)
    tool.workspace.gene = "ACTB"
    inspect(tool, viewer, qtbot, HERE)
    rows = tool.point.plot.rows
    assert rows[0].name == "ACTB"
    assert {"EPCAM", "CD3E", "COL1A1"} <= {row.name for row in rows}
    box.setCurrentText("Immune cells")
    assert [row.name for row in tool.point.plot.rows] == ["CD3E"]
    box.setCurrentText("Fat")
    assert "no gene of this set" in tool.point.note.text()
    box.setCurrentText("Stroma")
    plot = tool.point.plot
    shown = [row.name for row in plot.rows]
    place = plot.rect().center()
    place.setY(plot.height() - 5)
    qtbot.mouseClick(plot, LEFT, pos=place)
    assert tool.workspace.gene == shown[-1]


def test_a_dragged_rectangle_is_predicted_on_a_grid(tool, viewer, qtbot, section, messages):
    tool.workspace.grid = GridChoice(40.0, 30.0)
    low, high = (300.0, 350.0), (800.0, 700.0)
    draw(tool, viewer, high, low)
    assert tool.region.is_running
    qtbot.waitUntil(lambda: not tool.region.is_running, timeout=PATIENCE)
    result = tool.workspace.result
    assert result.prediction is not None
    xy = positions(result.prediction)
    # The mouse stands on whole screen pixels, about two of the slide's.
    assert (xy >= np.subtract(low, 2)).all()
    assert (xy <= np.add(high, 2)).all()
    expected = 500 * 350 / ((40 / 0.5) ** 2 * np.sqrt(3) / 2)
    assert len(xy) == pytest.approx(expected, rel=0.25)  # spots at the border are in or out
    assert viewer.layers[f"{tool.workspace.gene} mean"].visible
    assert result.is_at(tool.workspace.spots)
    assert tool.region.isHidden()
    assert not tool.points.points
    assert not messages


def test_a_rectangle_keeps_the_prediction_of_the_slide(tool, viewer, qtbot, section, trained):
    _, dock = viewer.window.add_plugin_dock_widget("napari-stem", "Predict")
    qtbot.mouseClick(dock.predict_button, LEFT)
    draw(tool, viewer, (300, 350), (800, 700))
    assert "Another prediction is running" in tool.hint.text()
    qtbot.waitUntil(lambda: dock.workspace.run.request is None, timeout=PATIENCE)
    whole = dock.workspace.result
    assert len(whole.prediction) == len(section.spots)
    draw(tool, viewer, (300, 350), (800, 700))
    qtbot.waitUntil(lambda: dock.workspace.run.request is not None, timeout=PATIENCE)
    assert dock.predict_button.text().startswith("Stop")
    assert not dock.settings.isEnabled()
    qtbot.waitUntil(lambda: not tool.region.is_running, timeout=PATIENCE)
    assert dock.workspace.result is not whole
    assert dock.predict_button.isEnabled()
    dock.spots.take_all()
    assert dock.workspace.spots is section.spots
    assert dock.workspace.result is whole


def test_a_checkpoint_that_vanished_is_one_line(tool, viewer, qtbot, messages, trained, tmp_path):
    path = tmp_path / "gone.safetensors"
    path.write_bytes(trained.path.read_bytes())
    tool.workspace.checkpoint = finish(opening.describe_checkpoint(path))
    path.unlink()
    click(tool, viewer, HERE)
    qtbot.waitUntil(lambda: len(messages) == 1, timeout=PATIENCE)
    assert "There is no checkpoint at" in messages[0]
    qtbot.waitUntil(lambda: len(viewer.layers["Inspected patches"].data) == 0, timeout=PATIENCE)
    tool.workspace.checkpoint = finish(opening.describe_checkpoint(trained.path))
    inspect(tool, viewer, qtbot, HERE)


def test_the_network_stays_between_clicks_and_goes_with_its_checkpoint(
    tool, viewer, qtbot, trained
):
    inspect(tool, viewer, qtbot, HERE)
    network = ref(tool._loaded._inspector.checkpoint.network)
    inspect(tool, viewer, qtbot, ELSEWHERE)
    assert tool._loaded._inspector.checkpoint.network is network()
    tool.workspace.checkpoint = finish(opening.describe_checkpoint(trained.path))
    qtbot.waitUntil(lambda: not gc.collect() and network() is None, timeout=PATIENCE)


def test_the_dock_may_close_midway(tool, viewer, qtbot, section):
    tool.workspace.options = PredictOptions(n_draws=400, sampler="ancestral", steps=100)
    callbacks = len(viewer.mouse_drag_callbacks)
    click(tool, viewer, HERE)
    qtbot.waitUntil(lambda: "of 400 draws" in tool.point.note.text(), timeout=PATIENCE)
    with qtbot.waitSignal(tool.destroyed):
        viewer.window.remove_dock_widget(tool)
    assert viewer.scene.camera.mouse_pan
    assert len(viewer.mouse_drag_callbacks) == callbacks - 1
    assert len(viewer.mouse_double_click_callbacks) == 1
    qtbot.waitUntil(lambda: not is_busy(viewer), timeout=PATIENCE)
    assert tool._loaded is None
    viewer.theme = "light"


def test_hiding_the_dock_ends_the_tool_and_a_tab_in_front_of_it_does_not(tool, viewer):
    open_dock(viewer, "Clusters")
    assert (tool.tool.is_on, tool.workspace.tool) == (True, "inspect")
    tool.parent().title.hide_button.click()
    assert (tool.tool.is_on, tool.workspace.tool) == (False, "")
    open_dock(viewer, "Inspect")
    assert not tool.tool_button.isChecked()


def test_the_key_shows_the_dock_wherever_it_is_and_switches_its_tool(viewer, tool, qtbot):
    canvas_mouse.press_alt_i(viewer)
    assert (tool.isVisible(), tool.tool.is_on) == (True, False)
    tool.parent().title.hide_button.click()
    canvas_mouse.press_alt_i(viewer)
    assert (tool.isVisible(), tool.tool.is_on) == (True, True)
    with qtbot.waitSignal(tool.destroyed):
        tool.parent().title.close_button.click()
    canvas_mouse.press_alt_i(viewer)
    again = open_dock(viewer, "Inspect")
    assert (again is not tool, again.tool.is_on) == (True, True)
    again.workspace.checkpoint = None
    canvas_mouse.press_alt_i(viewer)
    assert (again.tool.is_on, again.workspace.tool) == (False, "")
    assert "Choose a checkpoint first" in again.hint.text()


def test_points_are_there_again_when_the_dock_is(tool, viewer, qtbot, section):
    inspection = inspect(tool, viewer, qtbot, HERE)
    with qtbot.waitSignal(tool.destroyed):
        viewer.window.remove_dock_widget(tool)
    again = open_dock(viewer, "Inspect")
    assert again.point.inspection is inspection
    assert again.points.table.rowCount() == 1
    again.workspace.close_slide(section.slide)
    assert not again.workspace.points


def test_a_rectangle_outlives_the_dock_and_stop_keeps_what_was_drawn(tool, viewer, qtbot):
    tool.workspace.options = PredictOptions(n_draws=1000)
    work = tool.workspace
    draw(tool, viewer, (300, 300), (900, 900))
    qtbot.waitUntil(lambda: work.result is not None, timeout=PATIENCE)
    viewer.window.remove_dock_widget(tool)
    draws = work.result.n_draws
    qtbot.waitUntil(lambda: work.result.n_draws > draws, timeout=PATIENCE)
    again = open_dock(viewer, "Inspect")
    assert not again.region.isHidden()
    qtbot.mouseClick(again.region.stop_button, LEFT)
    qtbot.waitUntil(lambda: work.run.request is None, timeout=PATIENCE)
    assert not again.region.is_running
    assert 1 <= work.result.n_draws < 1000
    assert work.result.prediction is not None
    assert "std" in work.result.values
    qtbot.waitUntil(lambda: not is_busy(viewer), timeout=PATIENCE)


def test_the_viewer_may_close_midway(tool, viewer, qtbot):
    tool.workspace.options = PredictOptions(n_draws=400, sampler="ancestral", steps=100)
    click(tool, viewer, HERE)
    qtbot.waitUntil(lambda: "of 400 draws" in tool.point.note.text(), timeout=PATIENCE)
    tasks_of_viewer = tasks_of(viewer)
    viewer.close()
    qtbot.waitUntil(lambda: not tasks_of_viewer.is_busy(), timeout=PATIENCE)


def test_the_dock_is_narrow_tells_what_controls_do_and_follows_the_theme(tool, viewer, qtbot):
    inspect(tool, viewer, qtbot, HERE)
    page = tool.widget()
    assert page.minimumSizeHint().width() <= 280
    for control in controls_of(page, (QAbstractButton, QComboBox, QTableWidget)):
        part_of_another = isinstance(control.parent(), (QComboBox, QTableWidget))
        if not (part_of_another or control.objectName().startswith("qt_")):
            assert control.toolTip() or control.parent().toolTip(), control
    brightest = {}
    for theme in ("dark", "light"):
        viewer.theme = theme
        image = tool.point.plot.grab().toImage()
        corner = [image.pixelColor(x, y).lightness() for x in range(66) for y in range(40, 60)]
        brightest[theme] = max(corner), min(corner)
    assert brightest["dark"][0] > 180  # the gene's name is light on dark
    assert brightest["light"][1] < 80
