"""Export as a user does it: controls, a real prediction, real files, and back."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
from anndata import AnnData, concat, read_h5ad
from napari.settings import get_plugin_settings
from PIL import Image
from qtpy.QtWidgets import QFileDialog

from napari_stem import extras
from napari_stem._napari.canvas.attach import workspace_of
from napari_stem._napari.files.export_panel import ExportPanel
from napari_stem._napari.files.launch import fill
from napari_stem._napari.keeping.exporting import ExportRequest
from napari_stem._napari.state.saved_view import View
from napari_stem._napari.state.workspace import Workspace
from napari_stem.analysis.cluster import cluster
from napari_stem.api.predicting import predict
from napari_stem.errors import OptionError
from napari_stem.events import finish
from napari_stem.sections.section import Section
from napari_stem.spots.table import positions

from ..conftest import LEFT, PATIENCE


@pytest.fixture(scope="module")
def predicted(section: Section, trained) -> AnnData:
    made = predict(section.slide, section.spots, trained.checkpoint, n_draws=4, cache=False)
    cluster(made)
    return made


@pytest.fixture
def workspace(viewer, section, predicted) -> Workspace:
    fill(viewer, section.slide, predicted.copy(), gene="KRT8")
    return workspace_of(viewer)


@pytest.fixture
def panel(viewer, workspace) -> ExportPanel:
    """The panel, opened as the menu opens it."""
    _, dock = viewer.window.add_plugin_dock_widget("napari-stem", "Export")
    return dock.panel


def choose(box, text: str) -> None:
    (row,) = [i for i in range(box.count()) if text in box.itemText(i)]
    box.setCurrentIndex(row)


def export(panel, qtbot, path: Path) -> Path:
    choose(panel.format, f"({path.suffix if path.suffix != '.tif' else '.ome.tif'})")
    panel.export(path)
    qtbot.waitUntil(
        lambda: panel.isEnabled() and panel.note.text().endswith(path.name), timeout=PATIENCE
    )
    return path


def test_without_a_finished_result_there_is_nothing_to_export(viewer):
    _, dock = viewer.window.add_plugin_dock_widget("napari-stem", "Export")
    panel = dock.panel
    assert not panel.isEnabled()
    assert panel.note.text().startswith("No prediction yet")


def test_a_format_that_lacks_its_package_is_marked_and_opens_no_dialog(
    viewer, workspace, monkeypatch, qtbot
):
    monkeypatch.setitem(extras.PACKAGES, "parquet", "a_package_that_is_not_here")
    panel = ExportPanel(viewer, workspace)
    qtbot.addWidget(panel)
    choose(panel.format, "(.parquet), not installed")
    qtbot.mouseClick(panel.export_button, LEFT)
    assert panel.note.text().endswith('pip install "napari-stem[parquet]".')


def is_picture(path: Path) -> bool:
    with Image.open(path) as picture:
        return picture.width > 100 and picture.height > 100


def test_every_format_is_written(no_network, panel, qtbot, tmp_path, predicted, messages, browser):
    n = predicted.n_obs
    is_right = {
        ".h5ad": lambda path: read_h5ad(path).n_obs == n,
        ".geojson": lambda path: len(json.loads(path.read_text())["features"]) >= n,
        ".csv": lambda path: len(pd.read_csv(path)) == n,
        ".ome.tif": lambda path: len(tifffile.imread(path)) >= predicted.n_vars,
        ".png": is_picture,
        ".html": lambda path: "EPCAM" in path.read_text(),
    }
    for suffix, check in is_right.items():
        path = export(panel, qtbot, tmp_path / f"biopsy{suffix}")
        assert check(path), suffix
        assert panel.bar.isHidden()
        assert panel.report_button.isHidden() == (suffix != ".html")
    qtbot.mouseClick(panel.report_button, LEFT)
    assert browser.shown == [tmp_path / "biopsy.html"]
    assert not messages
    assert not no_network


def test_a_long_path_leaves_the_dock_as_narrow_as_it_was(viewer, workspace, qtbot, tmp_path):
    _, dock = viewer.window.add_plugin_dock_widget("napari-stem", "Predict")
    width = dock.widget().minimumSizeHint().width()
    path = export(dock.export, qtbot, tmp_path / f"{'a_slide_of_many_words_' * 6}.csv")
    assert dock.export.note.text() == f"Exported {path.name}"
    assert dock.export.note.toolTip() == str(path)
    assert dock.widget().minimumSizeHint().width() == width


def test_the_dialog_proposes_the_slides_name_and_adds_the_suffix(
    panel, qtbot, tmp_path, monkeypatch, section
):
    asked = []

    def answer(_parent, _title, proposal, kinds):
        asked.append((proposal, kinds))
        return str(tmp_path / "mine"), kinds

    monkeypatch.setattr(QFileDialog, "getSaveFileName", answer)
    choose(panel.format, "CSV")
    qtbot.mouseClick(panel.export_button, LEFT)
    qtbot.waitUntil(lambda: (tmp_path / "mine.csv").exists(), timeout=PATIENCE)
    assert asked == [(f"{section.slide.name}.csv", "CSV table (*.csv)")]
    qtbot.waitUntil(panel.isEnabled, timeout=PATIENCE)


def test_genes_are_all_the_shown_one_or_a_list(panel, qtbot, tmp_path, predicted):
    def genes() -> list[str]:
        return list(read_h5ad(export(panel, qtbot, tmp_path / "biopsy.h5ad")).var_names)

    assert genes() == list(predicted.var_names)
    choose(panel.genes, "shown")
    assert panel.typed.isHidden()
    assert genes() == ["KRT8"]
    choose(panel.genes, "list")
    assert not panel.typed.isHidden()
    panel.typed.setText("CD3E, ACTB;EPCAM")
    assert genes() == ["CD3E", "ACTB", "EPCAM"]


@pytest.mark.parametrize(
    ("typed", "message"), [("", "Type gene symbols"), ("CD3E NONE", "does not contain NONE")]
)
def test_wrong_lists_are_said(panel, qtbot, tmp_path, messages, typed, message):
    choose(panel.genes, "list")
    panel.typed.setText(typed)
    panel.export(tmp_path / "biopsy.h5ad")
    qtbot.waitUntil(lambda: bool(messages) and panel.isEnabled(), timeout=PATIENCE)
    assert message in messages[0]
    assert not (tmp_path / "biopsy.h5ad").exists()


@pytest.mark.parametrize("kind", ["rectangle", "polygon", "ellipse"])
def test_a_region_is_what_is_selected_in_a_shapes_layer(
    panel, viewer, qtbot, tmp_path, workspace, kind
):
    mpp = workspace.slide.mpp
    xy = positions(workspace.spots)
    chosen = [2, 7]
    boxes = []
    for x, y in xy[chosen]:
        row, column = (y - 0.5) * mpp, (x - 0.5) * mpp
        reach = np.array([[-1, -1], [-1, 1], [1, 1], [1, -1]])
        boxes.append([row, column] + 10 * reach)
    everything = np.array([[0, 0], [0, 1e4], [1e4, 1e4], [1e4, 0]])
    scale = 2.0  # of a layer that is finer or coarser than the world
    layer = viewer.add_shapes(
        [box / scale for box in (*boxes, everything)],
        shape_type=[kind, kind, "rectangle"],
        scale=(scale, scale),
        units=("um", "um"),
    )
    layer.selected_data = {0, 1}
    choose(panel.spots, "region")
    table = pd.read_csv(export(panel, qtbot, tmp_path / "biopsy.csv"), index_col="id")
    assert list(table.index) == list(workspace.spots.obs_names[chosen])


def test_a_region_that_is_not_selected_is_said(panel, tmp_path, messages):
    choose(panel.spots, "region")
    panel.export(tmp_path / "biopsy.csv")
    assert "No region is selected" in messages[0]


def test_a_folder_that_cannot_be_written_is_said(panel, qtbot, tmp_path, messages):
    (tmp_path / "file").touch()
    export(panel, qtbot, tmp_path / "biopsy.h5ad")
    panel.export(tmp_path / "file" / "biopsy.h5ad")
    qtbot.waitUntil(lambda: bool(messages) and panel.isEnabled(), timeout=PATIENCE)
    assert "could not be written" in messages[0]
    assert panel.note.text().startswith("⚠ The file could not be written")


def test_qupath_finds_spots_in_pixels_with_the_colours_of_the_legend(
    panel, qtbot, tmp_path, workspace
):
    path = export(panel, qtbot, tmp_path / "biopsy.geojson")
    tiles = json.loads(path.read_text())["features"]
    clusters = workspace.clusters
    for tile, xy, number in zip(tiles, positions(workspace.spots), clusters.numbers, strict=True):
        ring = np.array(tile["geometry"]["coordinates"][0])
        np.testing.assert_allclose(ring[:-1].mean(axis=0), xy, atol=0.01)
        colour = bytes(tile["properties"]["classification"]["color"]).hex()
        assert f"#{colour}".upper() == clusters.colours[number - 1].upper()


def test_the_slides_path_is_left_out_where_the_preferences_say_so(panel, qtbot, tmp_path):
    panel.workspace.result.prediction.uns["napari_stem"]["slide_path"] = "/a/patient.svs"
    for wanted, expected in ((True, "/a/patient.svs"), (False, "")):
        get_plugin_settings("napari-stem").export.slide_path = wanted
        found = read_h5ad(export(panel, qtbot, tmp_path / "biopsy.h5ad"))
        assert found.uns["napari_stem"]["slide_path"] == expected
    get_plugin_settings("napari-stem").export.slide_path = True


def test_a_figure_of_many_genes_is_refused(workspace, predicted, tmp_path):
    others = predicted.copy()
    others.var_names = [f"{gene}-like" for gene in predicted.var_names]
    wide = concat([predicted, others], axis=1, merge="first", uns_merge="first")
    path, view = tmp_path / "biopsy.png", View.of(workspace)
    with pytest.raises(OptionError, match="at most 12 genes; 13 were chosen"):
        finish(ExportRequest(wide, path, view, genes=tuple(wide.var_names[:13])).events())
    assert not path.exists()


def test_a_figure_shows_the_shown_gene(panel, qtbot, tmp_path):
    choose(panel.genes, "shown")
    path = export(panel, qtbot, tmp_path / "biopsy.png")
    with Image.open(path) as picture:
        width, height = picture.size
    assert width > height  # one row: the mean and its deviation
