"""Predicting in a drawn region: what a user draws, what is left, and how it comes back."""

from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Shapes
from skimage.measure import points_in_poly

from napari_stem._napari.predict import tasks
from napari_stem.api.predicting import predict
from napari_stem.slides.slide import Slide
from napari_stem.spots.table import positions

from ..conftest import LEFT, PATIENCE, is_busy


def press(qtbot, dock, button) -> None:
    assert button.isEnabled()
    qtbot.mouseClick(button, LEFT)
    qtbot.waitUntil(dock.spots.isEnabled, timeout=PATIENCE)


def choose_tool(dock, name: str) -> None:
    (action,) = [found for found in dock.spots.draw_button.menu().actions() if found.text() == name]
    action.trigger()


def draw(layer: Shapes, xy, kind: str = "polygon") -> None:
    """What the mouse leaves: corners where they lie on the canvas."""
    world = (np.asarray(xy, float)[:, ::-1] - 0.5) * layer.scale
    layer.add([layer.world_to_data(corner) for corner in world], shape_type=kind)


@pytest.fixture
def on_slide(dock, section):
    dock.workspace.take_slide(section.slide)
    dock.workspace.spots = section.spots
    return dock


LEFT_HALF = [(0, 0), (590, 0), (590, 1200), (0, 1200)]


def test_drawing_starts_on_a_layer_in_the_slides_units(on_slide, viewer, section):
    choose_tool(on_slide, "Lasso")
    layer = viewer.layers.selection.active
    assert (layer.name, layer.mode) == ("Region", "add_polygon_lasso")
    assert tuple(layer.scale) == (section.slide.mpp,) * 2
    assert {str(unit) for layer in viewer.layers for unit in layer.units} == {"micrometer"}
    choose_tool(on_slide, "Rectangle")
    assert viewer.layers.selection.active is layer
    assert layer.mode == "add_rectangle"


def test_only_spots_in_the_region_are_left_and_all_come_back(on_slide, viewer, qtbot, section):
    work = on_slide.workspace
    before, xy = work.spots, positions(section.spots)
    inside = points_in_poly(xy, LEFT_HALF)
    assert 0 < inside.sum() < len(xy)
    choose_tool(on_slide, "Lasso")
    draw(viewer.layers["Region"], LEFT_HALF)
    press(qtbot, on_slide, on_slide.spots.inside_button)
    assert list(work.spots.obs_names) == list(before.obs_names[inside])
    assert viewer.layers["Region"].mode == "pan_zoom"
    title = viewer.canvas.overlays.text.text  # no longer of the heatmap, which is hidden
    assert title == f"{section.slide.name}\n{inside.sum()} spots"
    assert f"{inside.sum()} spots" in on_slide.spots.note.text()
    assert f"of {len(xy)}" in on_slide.spots.note.text()
    preview, mpp = viewer.layers["Spots"], section.slide.mpp
    for (x, y), left in zip(xy, inside, strict=True):
        seen = preview.get_value(((y - 0.5) * mpp, (x - 0.5) * mpp), world=True)
        assert (seen == 1) == left
    press(qtbot, on_slide, on_slide.spots.all_button)
    assert work.spots is before
    assert not on_slide.spots.all_button.isEnabled()


def test_another_region_is_taken_of_all_spots(on_slide, viewer, qtbot, section):
    work, xy = on_slide.workspace, positions(section.spots)
    choose_tool(on_slide, "Rectangle")
    layer = viewer.layers["Region"]
    draw(layer, LEFT_HALF, "rectangle")
    press(qtbot, on_slide, on_slide.spots.inside_button)
    first = set(work.spots.obs_names)
    layer.data = []
    draw(layer, [(591, 0), (1200, 0), (1200, 1200), (591, 1200)], "rectangle")
    viewer.layers.selection.active = viewer.layers["Spots"]  # the region need not be selected
    press(qtbot, on_slide, on_slide.spots.inside_button)
    assert first.isdisjoint(work.spots.obs_names)
    assert len(first) + work.spots.n_obs == len(xy)
    work.take_spots(section.slide, section.spots[:3].copy())
    assert work.all_spots is work.spots


def test_all_that_is_drawn_counts_unless_a_shape_is_selected(on_slide, viewer, qtbot, section):
    work, xy = on_slide.workspace, positions(section.spots)
    boxes = [[(x - 60, y - 60), (x + 60, y - 60), (x + 60, y + 60), (x - 60, y + 60)]
             for x, y in xy[[0, -1]]]  # fmt: skip
    choose_tool(on_slide, "Rectangle")
    layer = viewer.layers["Region"]
    for box in boxes:
        draw(layer, box, "rectangle")
        layer.selected_data = {layer.nshapes - 1}  # napari selects what was drawn last
    press(qtbot, on_slide, on_slide.spots.inside_button)
    assert list(work.spots.obs_names) == list(section.spots.obs_names[[0, -1]])
    layer.mode, layer.selected_data = "select", {1}
    press(qtbot, on_slide, on_slide.spots.inside_button)
    assert list(work.spots.obs_names) == [section.spots.obs_names[-1]]


def test_without_a_region_the_user_is_told_and_nothing_changes(on_slide, qtbot, messages, section):
    on_slide.spots.restrict()
    on_slide.spots.make_grid_in_region()
    assert [message for message in messages if "Draw region" in message] == messages
    assert on_slide.workspace.spots is section.spots


def test_a_region_without_spots_changes_nothing(on_slide, viewer, qtbot, messages, section):
    choose_tool(on_slide, "Rectangle")
    draw(viewer.layers["Region"], [(0, 0), (3, 0), (3, 3), (0, 3)], "rectangle")
    press(qtbot, on_slide, on_slide.spots.inside_button)
    assert "Draw a larger region" in messages[0]
    assert on_slide.workspace.spots is section.spots


def test_a_grid_in_the_region_needs_no_tissue(dock, viewer, qtbot):
    white = Slide.from_array(np.full((800, 800, 3), 255, np.uint8), mpp=0.5, name="white")
    dock.workspace.take_slide(white)
    choose_tool(dock, "Lasso")
    corners = [(100, 100), (700, 150), (400, 700)]
    draw(viewer.layers["Region"], corners)
    dock.spots.pitch.setValue(20)
    press(qtbot, dock, dock.spots.region_grid_button)
    xy = positions(dock.workspace.spots)
    assert points_in_poly(xy, corners).all()
    area = 0.5 * abs(600 * 600 - 300 * 50)  # of the triangle, in pixels
    cell = 40**2 * np.sqrt(3) / 2  # of a hexagonal lattice of 20 µm
    assert len(xy) == pytest.approx(area / cell, rel=0.1)  # the border has a part in it


def test_a_region_moves_with_the_scale(on_slide, viewer, qtbot, section):
    choose_tool(on_slide, "Lasso")
    draw(viewer.layers["Region"], LEFT_HALF)
    on_slide.workspace.rescale(section.slide.with_mpp(1.0))
    inside = points_in_poly(positions(section.spots), LEFT_HALF)
    press(qtbot, on_slide, on_slide.spots.inside_button)
    assert on_slide.workspace.spots.n_obs == inside.sum()


def test_a_prediction_of_the_region_equals_that_of_the_whole(
    ready, viewer, qtbot, section, trained
):
    choose_tool(ready, "Lasso")
    draw(viewer.layers["Region"], LEFT_HALF)
    press(qtbot, ready, ready.spots.inside_button)
    press(qtbot, ready, ready.predict_button)
    qtbot.waitUntil(lambda: ready.predict_button.text() == "Predict", timeout=PATIENCE)
    inside = points_in_poly(positions(section.spots), LEFT_HALF)
    whole = predict(section.slide, section.spots, trained.checkpoint, n_draws=4)
    found = ready.workspace.result.values["mean"]
    np.testing.assert_allclose(found, whole.X[inside], atol=1e-4)


def test_spots_are_measured_once(on_slide, section, monkeypatch, qtbot):
    measured, describe = [], tasks.describe_spots
    monkeypatch.setattr(tasks, "describe_spots", lambda *of: measured.append(of) or describe(*of))
    on_slide.workspace.take_spots(section.slide, section.spots[:9].copy(), whole=section.spots)
    assert "9 spots" in on_slide.spots.note.text()
    qtbot.waitUntil(lambda: "9 spots, pitch" in on_slide.spots.note.text())
    on_slide.spots.refresh()
    assert len(measured) == 1


def test_an_absurd_pitch_is_refused_with_a_reason(dock, section, qtbot, viewer):
    dock.workspace.take_slide(section.slide)
    for pitch, reason in ((0, "must be positive"), (200_000, "is larger than")):
        former = dock.workspace.grid
        dock.spots.pitch.setValue(pitch)
        qtbot.mouseClick(dock.spots.grid_button, LEFT)
        qtbot.waitUntil(lambda: not dock.spots.is_busy)
        assert reason in dock.spots.note.text()
        assert dock.workspace.grid == former
        assert dock.workspace.spots is None
    qtbot.waitUntil(lambda: not is_busy(viewer))
