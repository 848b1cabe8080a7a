"""The Explore dock with real clicks and keys on a generated prediction."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from matplotlib.colors import to_hex
from napari.layers import Labels
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QApplication

from napari_stem._napari.explore.dock import ExploreDock
from napari_stem._napari.explore.violins_panel import ViolinsPanel
from napari_stem._napari.files.launch import fill
from napari_stem._napari.shell.docks import open_dock
from napari_stem._napari.state.result import Result
from napari_stem._napari.state.workspace import Workspace
from napari_stem.analysis.labels import Clusters, default_colours
from napari_stem.genes.counts import UNITS
from napari_stem.slides.slide import Slide
from napari_stem.spots.table import spot_table

from ..canvas_mouse import click, drag_along, press_key
from ..conftest import LEFT

SHIFT = Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def prediction() -> AnnData:
    """Ten columns of six spots; gene A grows to the right, B downwards."""
    columns, rows = np.meshgrid(np.arange(10), np.arange(6))
    places = np.stack([50 + 100 * columns.ravel(), 50 + 100 * rows.ravel()], axis=1)
    made = spot_table(places, diameter_px=60)
    values = np.stack([columns.ravel() / 2, rows.ravel() / 2], axis=1).astype(np.float32)
    genes = pd.DataFrame({"mean": values.mean(axis=0)}, index=["A", "B"])
    whole = AnnData(values, obs=made.obs, var=genes, uns=made.uns, obsm=dict(made.obsm))
    whole.obs["region"] = np.where(columns.ravel() < 5, "left", "right")
    whole.obs["n_counts"] = np.arange(60.0)
    whole.uns["napari_stem"] = {"unit": UNITS["log2"], "n_draws": 4, "slide": "a", "mpp": 0.5}
    return whole


@pytest.fixture
def dock(make_napari_viewer, prediction) -> ExploreDock:
    viewer = make_napari_viewer(strict_qt="raise", show=True)
    slide = Slide.from_array(np.full((600, 1000, 3), 220, np.uint8), mpp=0.5, name="biopsy")
    fill(viewer, slide, prediction)
    dock = open_dock(viewer, "Explore")
    QApplication.processEvents()
    dock.viewer = viewer
    return dock


def around(low: tuple[float, float], high: tuple[float, float]) -> list[tuple[float, float]]:
    (left, top), (right, bottom) = low, high
    return [(left, top), (right, top), (right, bottom), (left, bottom), (left, top + 1)]


def press(qtbot, button) -> None:
    assert button.isEnabled()
    qtbot.mouseClick(button, LEFT)


def selected(work) -> list[int]:
    return [] if work.selected_spots is None else np.flatnonzero(work.selected_spots).tolist()


def group(qtbot, dock, name: str) -> None:
    dock.groups.name.setFocus()
    dock.groups.name.lineEdit().selectAll()
    qtbot.keyClicks(dock.groups.name.lineEdit(), name)
    press(qtbot, dock.groups.add_button)


def layer_of(viewer, name: str):
    return next((layer for layer in viewer.layers if layer.name == name), None)


def test_spots_are_selected_by_lasso_and_grouped(dock, qtbot):
    viewer, work = dock.viewer, dock.workspace
    slide = work.slide
    camera = viewer.scene.camera.center
    press(qtbot, dock.groups.lasso_button)
    drag_along(viewer, slide, around((10, 10), (210, 110)))
    assert selected(work) == [0, 1]
    drag_along(viewer, slide, around((10, 110), (110, 210)), SHIFT)
    assert selected(work) == [0, 1, 10]
    assert viewer.scene.camera.center == camera
    rings = layer_of(viewer, "Selected spots")
    assert rings.visible
    assert to_hex(rings.colormap.color_dict[1]).upper() not in default_colours(64)
    assert rings.data[tuple(np.round(rings.world_to_data((25, 25))).astype(int))] == 1
    assert dock.groups.note.text() == "3 of 60 spots selected"
    group(qtbot, dock, "tumour")
    assert (work.groups.names, work.groups.sizes) == (("tumour",), (3,))
    assert selected(work) == []
    assert not rings.visible
    shown = layer_of(viewer, "Groups")
    assert shown.visible
    assert not layer_of(viewer, "A mean").visible
    assert work.result.prediction.obs["group"].notna().sum() == 3
    click(viewer, slide, (450, 450))
    drag_along(viewer, slide, around((10, 10), (110, 110)))
    group(qtbot, dock, "edge")
    assert dict(zip(work.groups.names, work.groups.sizes, strict=True)) == {"tumour": 2, "edge": 1}
    assert dock.violins.by.currentText() == "groups"
    assert [row.name for row in dock.violins.plot.rows] == ["tumour", "edge"]
    qtbot.mouseClick(dock.violins.plot, LEFT, pos=QPoint(30, 34 + 14))
    assert selected(work) == [1, 10]
    press_key(viewer, Qt.Key.Key_Escape)
    assert not dock.groups.lasso_button.isChecked()
    press(qtbot, dock.groups.undo_button)
    assert work.groups.names == ("tumour",)
    press(qtbot, dock.groups.redo_button)
    assert work.groups.names == ("tumour", "edge")
    assert len(work.unsaved()) == 1


def test_two_genes_thresholds_and_columns_are_linked_with_the_slide(dock, qtbot):
    viewer, work = dock.viewer, dock.workspace
    plot = dock.two_genes.plot
    assert dock.two_genes.note.text().startswith("A against B: r = ")
    place = plot.place_of(59)  # the last spot has the highest values
    corners = around((place.x() - 5, place.y() - 5), (place.x() + 5, place.y() + 5))
    qtbot.mousePress(plot, LEFT, pos=QPoint(*map(round, corners[0])))
    for corner in corners[1:]:
        qtbot.mouseMove(plot, QPoint(*map(round, corner)))
    qtbot.mouseRelease(plot, LEFT, pos=QPoint(*map(round, corners[-1])))
    assert selected(work) == [59]

    dock.threshold.least.setValue(4.5)
    press(qtbot, dock.threshold.select_button)
    assert selected(work) == list(range(9, 60, 10))
    press(qtbot, dock.threshold.mask_button)
    mask = layer_of(viewer, "A mean ≥ 4.5")
    assert isinstance(mask, Labels)
    assert [str(unit) for unit in mask.units] == ["micrometer", "micrometer"]
    area = np.count_nonzero(mask.data) * np.prod(mask.scale)
    assert area == pytest.approx(6 * np.pi * 15**2, rel=0.05)  # six discs of 30 um

    dock.columns.column.setCurrentText("region")
    press(qtbot, dock.columns.show_button)
    kinds = layer_of(viewer, "region")
    assert kinds.visible
    assert not layer_of(viewer, "A mean").visible
    assert "left: 30" in dock.columns.legend.text()
    dock.columns.column.setCurrentText("n_counts")
    press(qtbot, dock.columns.show_button)
    numbers = layer_of(viewer, "n_counts")
    assert numbers.visible
    assert numbers.colorbar.visible
    assert not kinds.visible
    work.look_at("B")
    assert not numbers.visible
    assert not numbers.colorbar.visible


def test_clusters_have_violins_without_groups(qtbot, prediction):
    work = Workspace()
    panel = ViolinsPanel(work)
    qtbot.addWidget(panel)
    slide = Slide.from_array(np.full((600, 1000, 3), 220, np.uint8), mpp=0.5, name="biopsy")
    work.take_slide(slide)
    work.take_result(Result.of_prediction(slide, prediction))
    assert not panel.isEnabled()
    work.take_clusters(Clusters.of_numbers((np.arange(60) % 3 + 1).astype(np.uint16)))
    assert [row.name for row in panel.plot.rows] == ["Cluster 1", "Cluster 2", "Cluster 3"]
