"""The dock of clusters with real clicks and keys, a real viewer and a generated prediction."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from qtpy.QtCore import QPoint, Qt
from qtpy.QtGui import QColor
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QApplication,
    QColorDialog,
    QComboBox,
    QFileDialog,
    QLineEdit,
    QTableView,
)
from sklearn.metrics import adjusted_rand_score

from napari_stem._napari.canvas.attach import workspace_of
from napari_stem._napari.clusters.dock import ClustersDock
from napari_stem._napari.files.launch import fill
from napari_stem._napari.keeping.exporting import ExportRequest
from napari_stem._napari.predict.dock import PredictDock
from napari_stem._napari.shell.docks import open_dock
from napari_stem._napari.state.cluster_view import ClusterView
from napari_stem._napari.state.request import PredictRequest
from napari_stem._napari.state.result import Result
from napari_stem._napari.state.saved_view import View
from napari_stem._napari.state.workspace import Workspace
from napari_stem.analysis.cluster import find_clusters
from napari_stem.analysis.labels import CLUSTER_COLOURS
from napari_stem.analysis.leiden_options import LeidenOptions
from napari_stem.events import finish
from napari_stem.genes.counts import UNITS
from napari_stem.io.h5ad import read_h5ad
from napari_stem.slides.slide import Slide
from napari_stem.spots.table import positions, spot_table

from ..conftest import CHECKPOINT, LEFT, PATIENCE, controls_of, is_busy
from ..private_names import tasks_of

SHOWN, COLOUR, NAME, SPOTS, SHARE = range(5)
KINDS = np.repeat(["tumour", "stroma", "fat"], (30, 18, 12))
GENES = [f"G{i}" for i in range(9)]
CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


@pytest.fixture(scope="module")
def slide() -> Slide:
    return Slide.from_array(np.full((600, 1000, 3), 220, np.uint8), mpp=0.5, name="biopsy")


@pytest.fixture
def prediction() -> AnnData:
    """Sixty spots of three kinds, each with three genes of its own."""
    random = np.random.default_rng(0)
    columns, rows = np.meshgrid(np.arange(10), np.arange(6))
    places = np.stack([50 + 100 * columns.ravel(), 50 + 100 * rows.ravel()], axis=1)
    made = spot_table(places, diameter_px=60)
    own = np.array([kind == np.array(["tumour", "stroma", "fat"]) for kind in KINDS])
    values = 3 * np.repeat(own, 3, axis=1) + random.normal(0, 0.5, (60, 9))
    whole = AnnData(
        values.astype(np.float32),
        obs=made.obs,
        var=pd.DataFrame({"mean": values.mean(axis=0)}, index=GENES),
        uns=made.uns,
        obsm=dict(made.obsm),
    )
    whole.layers["std"] = np.ones_like(whole.X)
    whole.uns["napari_stem"] = {"unit": UNITS["log2"], "n_draws": 4, "slide": "biopsy", "mpp": 0.5}
    return whole


@pytest.fixture
def workspace(viewer, slide, prediction) -> Workspace:
    fill(viewer, slide, prediction)
    return workspace_of(viewer)


@pytest.fixture
def dock(viewer, workspace) -> ClustersDock:
    return open_dock(viewer, "Clusters")


@pytest.fixture
def clustered(dock, qtbot) -> ClustersDock:
    """The dock with the three kinds as clusters."""
    dock.leiden.form.set(resolution=0.3)
    press(qtbot, dock.leiden.cluster_button)
    qtbot.waitUntil(
        lambda: dock.leiden.isEnabled() and dock.workspace.clusters is not None, timeout=PATIENCE
    )
    assert dock.workspace.clusters.sizes == (30, 18, 12)
    return dock


def press(qtbot, button) -> None:
    assert button.isEnabled()
    qtbot.mouseClick(button, LEFT)


def click(qtbot, dock, row: int, column: int = NAME, modifier=Qt.KeyboardModifier.NoModifier):
    """Click a cell of the legend."""
    table = dock.legend.table
    place = table.visualRect(table.model().index(row, column)).center()
    qtbot.mouseClick(table.viewport(), LEFT, modifier, place)


def type_name(qtbot, dock, row: int, name: str) -> None:
    """Rename a cluster with the keyboard."""
    table = dock.legend.table
    table.setCurrentCell(row, NAME)
    table.setFocus()
    qtbot.keyClick(table, Qt.Key.Key_F2)
    (editor,) = table.findChildren(QLineEdit)
    editor.selectAll()
    qtbot.keyClicks(editor, name)
    with qtbot.waitSignal(table.itemDelegate().closeEditor):
        qtbot.keyClick(editor, Qt.Key.Key_Return)


def legend(dock) -> list[tuple[str, str, str]]:
    table = dock.legend.table
    return [
        tuple(table.item(row, column).text() for column in (NAME, SPOTS, SHARE))
        for row in range(table.rowCount())
    ]


def colour_of(viewer, number: int) -> np.ndarray:
    return viewer.layers["Clusters"].colormap.map(np.array([number], np.uint16))[0]


def undo(qtbot, dock) -> None:
    press(qtbot, dock.legend.undo_button)


def test_the_menu_and_a_button_open_the_same_dock(viewer, qtbot):
    predict = open_dock(viewer, "Predict")
    assert isinstance(predict, PredictDock)
    press(qtbot, predict.clusters_button)
    (name,) = [name for name in viewer.window.dock_widgets if "Clusters" in name]
    dock = viewer.window.dock_widgets[name]
    menu = viewer.window.plugins_menu.findChildren(type(viewer.window.plugins_menu))
    titles = [action.text() for part in menu for action in part.actions()]
    assert name in titles
    dock.parent().hide()
    press(qtbot, predict.clusters_button)
    assert viewer.window.dock_widgets[name] is dock
    assert not dock.parent().isHidden()
    assert workspace_of(viewer) is dock.workspace


def test_without_a_result_all_says_what_is_missing(viewer):
    dock = open_dock(viewer, "Clusters")
    assert not dock.leiden.isEnabled()
    assert "No prediction yet" in dock.leiden.note.text()
    assert dock.legend.note.text() == dock.ranking.note.text() == "No clusters yet."
    assert dock.agreement.note.text() == "No spots yet."


def test_while_draws_arrive_clusters_wait(dock, workspace, slide, prediction):
    values = {"mean": np.asarray(prediction.X)}
    workspace.run.request = PredictRequest(slide, prediction, checkpoint=CHECKPOINT)
    workspace.take_result(Result(slide, prediction, tuple(GENES), "log2", values, 1))
    assert not dock.leiden.isEnabled()
    assert "still running" in dock.leiden.note.text()
    workspace.run.request = None
    assert not dock.leiden.isEnabled()
    assert "stopped early. Press Continue" in dock.leiden.note.text()


def test_too_few_spots_are_said_in_one_line(viewer, qtbot, slide, prediction, messages):
    fill(viewer, slide, prediction[:4].copy())
    dock = open_dock(viewer, "Clusters")
    press(qtbot, dock.leiden.cluster_button)
    qtbot.waitUntil(lambda: bool(messages) and dock.leiden.isEnabled(), timeout=PATIENCE)
    assert "at least 5 spots; there are 4" in messages[0]
    assert dock.workspace.clusters is None


def test_clusters_are_drawn_and_listed_with_their_shares(clustered, viewer, prediction, qtbot):
    assert viewer.layers["Clusters"].visible
    assert legend(clustered) == [
        ("Cluster 1", "30", "50.0 %"), ("Cluster 2", "18", "30.0 %"), ("Cluster 3", "12", "20.0 %"),
    ]  # fmt: skip
    assert adjusted_rand_score(prediction.obs["leiden"], KINDS) == 1
    assert list(prediction.uns["leiden_colors"]) == list(CLUSTER_COLOURS[:3])
    qtbot.waitUntil(lambda: not is_busy(viewer))  # PySide tells napari after us


def test_settings_decide_the_clusters_and_are_remembered(dock, viewer, qtbot, prediction):
    dock.leiden.form.set(resolution=4.0, n_genes=2, seed=5)
    press(qtbot, dock.leiden.cluster_button)
    qtbot.waitUntil(lambda: dock.workspace.clusters is not None, timeout=PATIENCE)
    expected = find_clusters(prediction, LeidenOptions(4.0, n_genes=2, seed=5))
    np.testing.assert_array_equal(dock.workspace.clusters.numbers, expected.numbers)
    again = ClustersDock(viewer)
    qtbot.addWidget(again)
    assert again.leiden.form.values() == {"resolution": 4.0, "n_genes": 2, "seed": 5}
    qtbot.waitUntil(dock.leiden.isEnabled)


def test_a_name_is_typed_shown_on_the_canvas_and_undone(clustered, viewer, qtbot, prediction):
    type_name(qtbot, clustered, 1, "stroma")
    assert legend(clustered)[1][0] == "stroma"
    assert list(prediction.obs["leiden"].cat.categories) == ["1", "stroma", "3"]
    layer, (x, y) = viewer.layers["Clusters"], positions(prediction)[35]
    status = layer.get_status(((y - 0.5) / 2, (x - 0.5) / 2), world=True)
    assert "cluster: stroma, spots: 18" in status["value"]
    undo(qtbot, clustered)
    assert legend(clustered)[1][0] == "Cluster 2"
    assert list(prediction.obs["leiden"].cat.categories) == ["1", "2", "3"]
    press(qtbot, clustered.legend.redo_button)
    assert legend(clustered)[1][0] == "stroma"


def test_keys_undo_and_redo_within_the_dock(make_napari_viewer, qtbot, slide, prediction):
    viewer = make_napari_viewer(show=True)  # keys need a window that has the focus
    clusters = find_clusters(prediction, LeidenOptions(0.3))
    clusters.keep_in(prediction)
    fill(viewer, slide, prediction)
    dock = open_dock(viewer, "Clusters")
    dock.activateWindow()
    dock.legend.table.setFocus()
    qtbot.waitUntil(dock.legend.table.hasFocus)
    type_name(qtbot, dock, 1, "stroma")
    qtbot.keyClick(dock.legend.table, Qt.Key.Key_Z, CONTROL)
    assert legend(dock)[1][0] == "Cluster 2"
    qtbot.keyClick(dock.legend.table, Qt.Key.Key_Z, CONTROL | SHIFT)
    assert legend(dock)[1][0] == "stroma"


def test_a_name_that_another_has_is_refused(clustered, qtbot, messages):
    type_name(qtbot, clustered, 1, "Cluster 1")
    assert "Another cluster is already called 'Cluster 1'" in messages[0]
    assert legend(clustered)[1][0] == "Cluster 2"
    assert not clustered.workspace.edits.done


def test_a_click_on_a_swatch_changes_the_colour(clustered, viewer, qtbot, prediction, monkeypatch):
    monkeypatch.setattr(QColorDialog, "getColor", lambda *_: QColor("#123456"))
    click(qtbot, clustered, 0, COLOUR)
    assert prediction.uns["leiden_colors"][0] == "#123456"
    np.testing.assert_allclose(colour_of(viewer, 1)[:3], [0x12 / 255, 0x34 / 255, 0x56 / 255])
    assert not clustered.workspace.cluster_view.selected
    undo(qtbot, clustered)
    assert prediction.uns["leiden_colors"][0] == CLUSTER_COLOURS[0]


def test_a_cancelled_colour_changes_nothing(clustered, qtbot, monkeypatch):
    monkeypatch.setattr(QColorDialog, "getColor", lambda *_: QColor())
    click(qtbot, clustered, 0, COLOUR)
    assert not clustered.workspace.edits.done


def test_selected_clusters_are_merged_and_parted_again(clustered, qtbot, prediction):
    click(qtbot, clustered, 0)
    assert not clustered.legend.merge_button.isEnabled()
    click(qtbot, clustered, 2, modifier=CONTROL)
    press(qtbot, clustered.legend.merge_button)
    assert legend(clustered) == [("Cluster 1", "42", "70.0 %"), ("Cluster 2", "18", "30.0 %")]
    assert list(prediction.obs["leiden"].value_counts()) == [42, 18]
    press(qtbot, clustered.legend.undo_button)
    assert [row[1] for row in legend(clustered)] == ["30", "18", "12"]
    assert clustered.legend.redo_button.toolTip() == "Redo: merge (Ctrl+Shift+Z)"


def test_selecting_singles_spots_out_and_counts_them(clustered, viewer, qtbot, workspace):
    source = f"{workspace.slide.name} · {workspace.result.n_draws} draws"
    click(qtbot, clustered, 1)
    assert clustered.legend.note.text() == "18 of 60 spots selected (30.0 %)"
    assert viewer.canvas.overlays.text.text == f"Cluster 2\n18 of 60 spots\n{source}"
    assert workspace.cluster_view.selected == {2}
    assert colour_of(viewer, 2)[3] == 1
    assert 0 < colour_of(viewer, 1)[3] < 0.5
    qtbot.keyClick(clustered.legend.table, Qt.Key.Key_Down)
    assert workspace.cluster_view.selected == {3}


def test_clusters_are_hidden_and_shown(clustered, viewer, qtbot):
    def visible() -> list[bool]:
        return [bool(colour_of(viewer, number)[3]) for number in (1, 2, 3)]

    table, panel = clustered.legend.table, clustered.legend
    box = table.visualRect(table.model().index(0, SHOWN))
    qtbot.mouseClick(table.viewport(), LEFT, pos=box.topLeft() + QPoint(10, box.height() // 2))
    assert visible() == [False, True, True]
    assert not clustered.workspace.cluster_view.selected
    press(qtbot, panel.all_button)
    assert visible() == [True, True, True]
    click(qtbot, clustered, 1)
    press(qtbot, panel.only_button)
    assert visible() == [False, True, False]
    press(qtbot, panel.hide_button)
    assert visible() == [False, False, False]
    for _ in range(4):
        undo(qtbot, clustered)
    assert visible() == [True, True, True]


def test_reset_brings_leidens_clusters_back_and_can_be_undone(clustered, qtbot, prediction):
    found = prediction.obs["leiden"].copy()
    click(qtbot, clustered, 0)
    click(qtbot, clustered, 1, modifier=CONTROL)
    press(qtbot, clustered.legend.merge_button)
    type_name(qtbot, clustered, 0, "all but fat")
    press(qtbot, clustered.legend.reset_button)
    assert list(prediction.obs["leiden"]) == list(found)
    assert "leiden_unedited" not in prediction.obs
    undo(qtbot, clustered)
    assert legend(clustered)[0] == ("all but fat", "48", "80.0 %")


def test_clustering_again_throws_no_edit_away(clustered, qtbot):
    type_name(qtbot, clustered, 0, "tumour")
    clustered.leiden.form.set(resolution=4.0)
    press(qtbot, clustered.leiden.cluster_button)
    qtbot.waitUntil(
        lambda: clustered.leiden.isEnabled() and len(legend(clustered)) > 3, timeout=PATIENCE
    )
    press(qtbot, clustered.legend.undo_button)
    assert [row[0] for row in legend(clustered)] == ["tumour", "Cluster 2", "Cluster 3"]


def test_another_result_forgets_the_edits(clustered, qtbot, workspace, slide, prediction):
    type_name(qtbot, clustered, 0, "tumour")
    workspace.take_result(Result.of_prediction(slide, prediction.copy()))
    assert not clustered.workspace.edits.done
    assert clustered.legend.note.text() == "No clusters yet."
    assert not clustered.legend.isEnabled()


def test_looking_at_a_new_statistic_keeps_the_edits(clustered, qtbot, workspace):
    type_name(qtbot, clustered, 0, "tumour")
    shown = AnnData(workspace.result.prediction)
    shown.layers["median"] = shown.X
    shown.obs = shown.obs.drop(columns="leiden")  # as if clustered while it was computed
    workspace.show(Result.of_prediction(workspace.slide, shown), "median")
    assert "tumour" in shown.obs["leiden"].cat.categories
    press(qtbot, clustered.legend.undo_button)
    assert legend(clustered)[0][0] == "Cluster 1"


def test_edits_come_back_from_a_file(clustered, viewer, qtbot, workspace, slide, tmp_path):
    edited = workspace.clusters.merged({2, 3}).renamed(1, "tumour").recoloured(2, "#123456")
    workspace.edit_clusters("edit", edited, ClusterView(hidden=frozenset({2})))
    path = tmp_path / "biopsy.h5ad"
    finish(ExportRequest(workspace.result.prediction, path, View.of(workspace)).events())
    fill(viewer, slide, read_h5ad(path))
    assert legend(clustered) == [("tumour", "30", "50.0 %"), ("Cluster 2", "30", "50.0 %")]
    assert workspace.clusters.colours == (CLUSTER_COLOURS[0], "#123456")
    assert workspace.cluster_view.hidden == {2}
    assert colour_of(viewer, 2)[3] == 0
    press(qtbot, clustered.legend.reset_button)
    assert [row[1] for row in legend(clustered)] == ["30", "18", "12"]


def spot_on_canvas(viewer, prediction, spot: int) -> tuple[float, float]:
    x, y = positions(prediction)[spot]
    return (y - 0.5) / 2, (x - 0.5) / 2


class Press:
    """What napari hands to its mouse callbacks."""

    def __init__(self, position, *modifiers: str) -> None:
        self.position, self.modifiers, self.type = position, modifiers, "mouse_press"


def click_canvas(viewer, position, *modifiers: str, moved: bool = False) -> None:
    event = Press(position, *modifiers)
    gestures = [callback(viewer, event) for callback in viewer.mouse_drag_callbacks]
    for gesture in gestures:
        next(gesture, None)
    event.type = "mouse_move" if moved else "mouse_release"
    for gesture in gestures:
        assert next(gesture, None) is None


def test_clicks_on_the_canvas_pick_clusters_while_the_toggle_is_on(
    clustered, viewer, qtbot, workspace, prediction
):
    stroma, fat = (spot_on_canvas(viewer, prediction, spot) for spot in (35, 55))
    before = list(viewer.mouse_drag_callbacks)
    press(qtbot, clustered.legend.pick_button)
    click_canvas(viewer, stroma)
    assert workspace.cluster_view.selected == {2}
    assert [index.row() for index in clustered.legend.table.selectionModel().selectedRows()] == [1]
    click_canvas(viewer, fat, "Shift")
    assert workspace.cluster_view.selected == {2, 3}
    click_canvas(viewer, fat, moved=True)
    assert workspace.cluster_view.selected == {2, 3}
    click_canvas(viewer, (-500.0, -500.0))
    assert not workspace.cluster_view.selected
    press(qtbot, clustered.legend.pick_button)
    assert list(viewer.mouse_drag_callbacks) == before


def test_one_tool_is_in_the_hand_at_a_time(clustered, viewer, workspace):
    inspect, predict = open_dock(viewer, "Inspect"), open_dock(viewer, "Predict")
    clustered.legend.pick_button.click()
    inspect.tool.switch(True)
    assert not clustered.legend.pick_button.isChecked()
    clustered.legend.pick_button.click()
    assert clustered.legend.pick_button.isChecked()
    assert not inspect.tool.is_on
    predict.spots.draw("add_rectangle")
    assert not clustered.legend.pick_button.isChecked()
    clustered.legend.pick_button.click()
    assert viewer.layers["Region"].mode == "pan_zoom"
    inspect.tool.switch(True)
    predict.spots.draw("add_rectangle")
    assert not inspect.tool.is_on
    assert viewer.layers["Region"].mode == "add_rectangle"
    assert not viewer.scene.camera.mouse_pan


def test_a_dock_that_was_closed_leaves_the_canvas_alone(clustered, viewer, qtbot):
    before = list(viewer.mouse_drag_callbacks)
    press(qtbot, clustered.legend.pick_button)
    viewer.window.remove_dock_widget(clustered)
    assert list(viewer.mouse_drag_callbacks) == before
    with qtbot.waitSignal(clustered.destroyed):
        clustered.deleteLater()  # napari leaves this to Python's collector


def test_genes_are_ranked_sorted_and_shown(clustered, viewer, qtbot, workspace):
    panel = clustered.ranking
    press(qtbot, panel.rank_button)
    qtbot.waitUntil(lambda: panel.isEnabled() and bool(panel.table.genes()), timeout=PATIENCE)
    assert set(panel.table.genes()[:3]) == {"G0", "G1", "G2"}
    assert panel.note.text().startswith("Cluster 1 against all other spots. No p value")
    click(qtbot, clustered, 2)
    assert set(panel.table.genes()[:3]) == {"G6", "G7", "G8"}
    assert viewer.layers["Clusters"].visible

    rect = panel.table.visualRect(panel.table.model().index(0, 0))
    qtbot.mouseClick(panel.table.viewport(), LEFT, pos=rect.center())
    first = panel.table.genes()[0]
    assert workspace.gene == first
    assert viewer.layers[f"{first} mean"].visible
    assert not viewer.layers["Clusters"].visible
    qtbot.keyClick(panel.table, Qt.Key.Key_Down)
    assert workspace.gene == panel.table.genes()[1]

    panel.table.sortByColumn(0, Qt.SortOrder.AscendingOrder)
    assert panel.table.genes() == GENES
    assert "No p value here is evidence" in panel.table.toolTip()


def test_the_shown_gene_is_shown_again_below_the_clusters(clustered, viewer, qtbot, workspace):
    panel = clustered.ranking
    press(qtbot, panel.rank_button)
    qtbot.waitUntil(lambda: panel.isEnabled() and bool(panel.table.genes()), timeout=PATIENCE)
    workspace.gene = panel.table.genes()[0]
    click(qtbot, clustered, 0)
    assert viewer.layers["Clusters"].visible
    rect = panel.table.visualRect(panel.table.model().index(0, 0))
    qtbot.mouseClick(panel.table.viewport(), LEFT, pos=rect.center())
    assert viewer.layers[f"{workspace.gene} mean"].visible

    result, heatmap = open_dock(viewer, "Predict").result, viewer.layers[f"{workspace.gene} mean"]
    workspace.gene = GENES[0]
    viewer.layers.selection.active = viewer.layers["Clusters"]
    click(qtbot, clustered, 1)
    assert not heatmap.visible
    view = result.genes.view
    qtbot.mouseClick(view.viewport(), LEFT, pos=view.visualRect(view.currentIndex()).center())
    assert workspace.gene == GENES[0]
    assert heatmap.visible
    assert viewer.layers.selection.active == heatmap  # hovering tells its values
    click(qtbot, clustered, 0)
    assert viewer.layers.selection.active == viewer.layers["Clusters"]
    result.statistic.activated.emit(result.statistic.currentIndex())
    assert heatmap.visible


def test_a_ranking_is_of_the_clusters_that_are_there(clustered, qtbot):
    panel = clustered.ranking
    press(qtbot, panel.rank_button)
    qtbot.waitUntil(lambda: panel.isEnabled() and bool(panel.table.genes()), timeout=PATIENCE)
    type_name(qtbot, clustered, 0, "tumour")
    assert panel.note.text().startswith("tumour against all other spots")
    work = clustered.workspace
    work.edit_clusters("merge", work.clusters.merged({1, 2}), work.cluster_view.merged({1, 2}))
    assert panel.note.text() == "The clusters have changed. Press Rank genes again."
    assert not panel.table.genes()
    press(qtbot, clustered.legend.undo_button)
    assert panel.table.genes()


def test_a_ranking_is_copied_and_saved(clustered, qtbot, tmp_path, monkeypatch, messages):
    panel = clustered.ranking
    type_name(qtbot, clustered, 0, "tumour")
    press(qtbot, panel.rank_button)
    qtbot.waitUntil(lambda: panel.isEnabled() and bool(panel.table.genes()), timeout=PATIENCE)
    press(qtbot, panel.copy_button)
    lines = QApplication.clipboard().text().splitlines()
    assert lines[0].split("\t") == ["gene", "score", "log2_fold_change", "p_adjusted"]
    assert [line.split("\t")[0] for line in lines[1:]] == panel.table.genes()
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "5.5 um"), ""))
    press(qtbot, panel.save_button)
    path = tmp_path / "5.5 um.csv"
    qtbot.waitUntil(lambda: messages == [f"info: Written: {path.name}"], timeout=PATIENCE)
    qtbot.waitUntil(panel.isEnabled, timeout=PATIENCE)
    saved = pd.read_csv(path)
    assert saved["cluster"].value_counts().to_dict() == {
        "tumour": 9, "Cluster 2": 9, "Cluster 3": 9,
    }  # fmt: skip
    first = saved[saved["cluster"] == "tumour"]
    assert list(first["gene"]) == panel.table.genes()


def test_a_folder_that_cannot_be_written_is_said(clustered, qtbot, tmp_path, messages):
    panel = clustered.ranking
    press(qtbot, panel.rank_button)
    qtbot.waitUntil(lambda: panel.isEnabled() and bool(panel.table.genes()), timeout=PATIENCE)
    (tmp_path / "file").touch()
    panel.save(tmp_path / "file" / "genes.csv")
    qtbot.waitUntil(lambda: bool(messages) and panel.isEnabled(), timeout=PATIENCE)
    assert "could not be written" in messages[0]


def test_agreement_with_an_annotation_of_the_spots(clustered, workspace, prediction, qtbot):
    panel = clustered.agreement
    assert "have no annotation column" in panel.note.text()
    spots = prediction[::-1].copy()
    pathologist = pd.Series(KINDS, prediction.obs_names).where(np.arange(60) >= 6)
    spots.obs["pathologist"] = pathologist.astype("category")
    spots.obs["half"] = pd.Categorical(np.arange(60) < 30)
    workspace.spots = spots
    assert [panel.column.itemText(i) for i in range(panel.column.count())] == [
        "pathologist",
        "half",
    ]
    told = "Adjusted Rand index 1.00 (54 spots; 6 without annotation excluded)"
    qtbot.waitUntil(lambda: panel.note.text() == told)
    table = panel.table
    headings = [table.horizontalHeaderItem(i).text() for i in range(3)]
    assert headings == ["fat", "stroma", "tumour"]
    assert [table.item(0, i).text() for i in range(3)] == ["0", "0", "24"]
    panel.column.setCurrentText("half")
    expected = adjusted_rand_score(KINDS[::-1], np.arange(60) < 30)
    qtbot.waitUntil(lambda: f"index {expected:.2f} (60 spots)" in panel.note.text())
    merged = workspace.clusters.merged({2, 3})
    workspace.edit_clusters("merge", merged, workspace.cluster_view.merged({2, 3}))
    assert panel.column.currentText() == "half"
    qtbot.waitUntil(lambda: table.isVisibleTo(panel) and table.rowCount() == 2)


def test_spots_that_are_not_the_predictions_are_said(clustered, workspace, prediction, qtbot):
    others = prediction.copy()
    others.obs_names = [f"other-{i}" for i in range(60)]
    others.obs["pathologist"] = pd.Categorical(KINDS)
    workspace.spots = others
    note, told = clustered.agreement.note, "No spot has both a cluster and an annotation"
    qtbot.waitUntil(lambda: told in note.text())
    assert clustered.agreement.table.isHidden()
    elsewhere = prediction.copy()
    elsewhere.obs["pathologist"] = pd.Categorical(KINDS)
    elsewhere.obsm["spatial"] = elsewhere.obsm["spatial"] + 40
    workspace.spots = elsewhere
    assert "to other spots" in note.text()


def test_the_viewer_may_close_midway(dock, viewer, qtbot):
    press(qtbot, dock.leiden.cluster_button)
    tasks = tasks_of(viewer)
    viewer.close()
    qtbot.waitUntil(lambda: not tasks.is_busy(), timeout=PATIENCE)


def test_every_control_says_what_it_does(clustered):
    kinds = (QAbstractButton, QTableView, QAbstractSpinBox, QComboBox)
    for panel in (clustered.leiden, clustered.legend, clustered.ranking, clustered.agreement):
        for control in controls_of(panel, kinds):
            part_of_another = isinstance(control.parent(), kinds)
            if not (part_of_another or control.objectName().startswith("qt_")):
                assert control.toolTip(), f"{type(panel).__name__}: {control}"
