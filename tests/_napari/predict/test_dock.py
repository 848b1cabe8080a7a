"""The dock as a user works with it: real clicks and keys, a real checkpoint, real threads."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr
from PIL import Image
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QComboBox,
    QFileDialog,
    QLineEdit,
    QMessageBox,
    QSlider,
    QTableView,
)

from napari_stem._napari.files import opening
from napari_stem._napari.files.launch import fill
from napari_stem._napari.predict.dock import PredictDock
from napari_stem._napari.results.marker_box import MarkerBox
from napari_stem._napari.shell.docks import open_dock
from napari_stem._napari.state.request import PredictRequest
from napari_stem._napari.state.workspace import Workspace
from napari_stem.analysis.labels import Clusters
from napari_stem.api.predicting import predict
from napari_stem.events import finish
from napari_stem.io.h5ad import read_h5ad
from napari_stem.model.network import StemNetwork
from napari_stem.sections.section import Section
from napari_stem.slides.slide import Slide

from ..conftest import LEFT, PATIENCE, controls_of, is_busy
from ..private_names import tasks_of


@pytest.fixture
def saved_slide(section: Section, tmp_path: Path) -> Path:
    """The section's picture as a file that states no scale."""
    path = tmp_path / "biopsy.png"
    Image.fromarray(np.asarray(section.slide.levels[0])).save(path)
    return path


def choose_file(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    """What the next file dialog answers; the dialog itself is the system's."""
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(path), ""))


def press(qtbot, button) -> None:
    qtbot.waitUntil(button.isEnabled, timeout=PATIENCE)
    qtbot.mouseClick(button, LEFT)


def choose_statistic(panel, name: str) -> None:
    row = panel.statistic.findData(name)
    panel.statistic.setCurrentIndex(row)
    panel.statistic.activated.emit(row)


def run_to_the_end(dock, qtbot) -> None:
    press(qtbot, dock.predict_button)
    qtbot.waitUntil(lambda: dock.predict_button.text() == "Predict", timeout=PATIENCE)


def test_what_was_assumed_about_a_slide_is_shown(dock, qtbot, tmp_path: Path, monkeypatch):
    path = tmp_path / "slide.tif"
    pictures = np.full((2, 64, 64, 3), 200, np.uint8)
    dpi = {"resolution": (72, 72), "resolutionunit": "INCH"}
    tifffile.imwrite(path, pictures, photometric="rgb", metadata=None, **dpi)
    choose_file(monkeypatch, path)
    press(qtbot, dock.slide.open_button)
    qtbot.waitUntil(lambda: dock.workspace.slide is not None, timeout=PATIENCE)
    assert dock.slide.note.text().splitlines() == [
        "64 x 64 pixels",
        "The file has 2 pictures of this size; the first is shown.",
        "Scale unknown (resolution tag states 352.8 µm/px, which no scanner has). Type it below.",
    ]
    dock.workspace.slide.close()


def test_from_an_image_on_disk_to_a_heatmap_without_a_network(
    no_network, dock, viewer, qtbot, saved_slide, trained, monkeypatch, messages
):
    work = dock.workspace
    choose_file(monkeypatch, saved_slide)
    press(qtbot, dock.slide.open_button)
    qtbot.waitUntil(lambda: work.slide is not None, timeout=PATIENCE)
    assert "Scale unknown" in dock.slide.note.text()
    assert not dock.spots.grid_button.isEnabled()

    dock.slide.mpp.setValue(0.5)
    press(qtbot, dock.spots.grid_button)
    qtbot.waitUntil(lambda: work.spots is not None, timeout=PATIENCE)
    qtbot.waitUntil(lambda: "pitch 100 µm, Ø 55 µm" in dock.spots.note.text())
    assert not dock.predict_button.isEnabled()

    choose_file(monkeypatch, trained.path)
    press(qtbot, dock.checkpoint.open_button)
    qtbot.waitUntil(lambda: work.checkpoint is not None, timeout=PATIENCE)
    assert "8 genes, morphology" in dock.checkpoint.note.text()
    assert "(ridge " in dock.checkpoint.note.text()
    assert dock.checkpoint.box.currentText() == trained.path.stem

    dock.settings.draws.setValue(4)
    run_to_the_end(dock, qtbot)
    assert work.result.n_draws == 4
    assert "biopsy" in [layer.name for layer in viewer.layers]
    assert viewer.layers[f"{work.gene} mean"].visible
    assert not messages
    qtbot.waitUntil(lambda: not is_busy(viewer))
    assert not no_network


def test_what_is_shown_is_what_the_core_predicts(ready, viewer, qtbot, section, trained):
    run_to_the_end(ready, qtbot)
    result = ready.workspace.result
    expected = predict(section.slide, section.spots, trained.checkpoint, n_draws=4)
    for statistic, values in (("mean", expected.X), ("std", expected.layers["std"])):
        np.testing.assert_allclose(result.values[statistic], values, atol=1e-4)


def test_an_image_layer_becomes_the_slide(dock, viewer, qtbot, section):
    pixels = np.asarray(section.slide.levels[0])
    layer = viewer.add_image(pixels, rgb=True, name="mine", scale=(0.5, 0.5), units=("um", "um"))
    menu = dock.slide.layer_button.menu()
    menu.aboutToShow.emit()
    assert [action.text() for action in menu.actions()] == ["mine"]
    menu.actions()[0].trigger()
    qtbot.waitUntil(lambda: dock.workspace.slide is not None, timeout=PATIENCE)
    assert dock.workspace.slide.mpp == 0.5
    assert list(viewer.layers) == [layer]


def test_the_scale_follows_from_the_spots_of_a_known_array(dock, qtbot, section, trained):
    bare = section.slide.with_mpp(1.0)
    bare.mpp = None
    dock.workspace.take_slide(bare)
    assert not dock.slide.pitch_button.isEnabled()
    dock.workspace.spots = section.spots
    dock.workspace.checkpoint = finish(opening.describe_checkpoint(trained.path))
    assert not dock.predict_button.isEnabled()
    assert "Type the scale (µm/px)" in dock.hint.text()
    dock.slide.pitch_button.menu().actions()[0].trigger()  # Visium
    qtbot.waitUntil(lambda: dock.workspace.slide.mpp is not None, timeout=PATIENCE)
    assert dock.workspace.slide.mpp == pytest.approx(0.5, rel=1e-3)
    assert dock.hint.isHidden()
    assert dock.predict_button.isEnabled()


def test_another_picture_of_a_file_replaces_the_slide(
    dock, viewer, qtbot, section, tmp_path: Path, messages
):
    assert dock.slide.picture_box.isHidden()
    image = np.asarray(section.slide.levels[0])
    path = tmp_path / "case.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as tiff:
        for name, pixels in (("first", image), ("second", image[:600]), ("grey", image[..., 0])):
            kind = "minisblack" if pixels.ndim == 2 else "rgb"
            axes = "YX" if pixels.ndim == 2 else "YXS"
            tiff.write(pixels, photometric=kind, metadata={"axes": axes, "Name": name})
    dock.slide.open(path)
    qtbot.waitUntil(lambda: dock.workspace.slide is not None, timeout=PATIENCE)
    qtbot.waitUntil(dock.slide.isEnabled, timeout=PATIENCE)
    former, box = dock.workspace.slide, dock.slide.picture_box
    assert not box.isHidden()
    shown = [box.itemText(row) for row in range(box.count())]
    assert shown == ["Picture 0: first", "Picture 1: second", "Picture 2: grey"]
    box.setCurrentIndex(1)
    box.activated.emit(1)
    qtbot.waitUntil(lambda: dock.workspace.slide.picture == 1, timeout=PATIENCE)
    qtbot.waitUntil(dock.slide.isEnabled, timeout=PATIENCE)
    (slide,) = dock.workspace.slides
    assert (slide.height, slide.name) == (600, "case")
    assert len(viewer.layers) == 1
    box.setCurrentIndex(2)
    box.activated.emit(2)
    qtbot.waitUntil(lambda: len(messages) == 1, timeout=PATIENCE)
    qtbot.waitUntil(dock.slide.isEnabled, timeout=PATIENCE)
    assert "The image is not RGB" in messages[0]
    assert (dock.workspace.slide, box.currentIndex()) == (slide, 1)
    former.close()
    slide.close()


def test_a_refused_slide_is_opened_as_the_user_confirms(
    dock, qtbot, section, tmp_path, monkeypatch
):
    image = np.asarray(section.slide.levels[0])
    mixed, sparse = tmp_path / "mixed.ome.tif", tmp_path / "sparse.zarr"
    with tifffile.TiffWriter(mixed, ome=True) as tiff:
        tiff.write(image[..., 0], metadata={"axes": "YX", "Name": "DAPI"})
        tiff.write(image, photometric="rgb", metadata={"axes": "YXS", "Name": "HE"})
    group = zarr.open_group(sparse, mode="w", zarr_format=2)
    planes = np.moveaxis(image, -1, 0).copy()
    planes[:, :300, :300] = 0  # an empty chunk, which is not stored
    group.create_array("0", data=planes, chunks=(3, 300, 300))
    group.attrs["multiscales"] = [{"axes": list("cyx"), "datasets": [{"path": "0"}]}]
    asked = []
    yes = QMessageBox.StandardButton.Yes
    monkeypatch.setattr(QMessageBox, "question", lambda *words: asked.append(words[-1]) or yes)
    for number, (path, question) in enumerate(
        ((mixed, "Open picture 1 instead?"), (sparse, "Open it with these regions empty?")), start=1
    ):
        dock.slide.open(path)
        qtbot.waitUntil(lambda n=number: len(dock.workspace.slides) == n, timeout=PATIENCE)
        qtbot.waitUntil(dock.slide.isEnabled, timeout=PATIENCE)
        assert asked[-1].endswith(question)
        assert dock.workspace.slide.path == path
        assert dock.workspace.slide.read_region(500, 400, 1, 1).tolist() == [
            [list(image[400, 500])]
        ]
    for slide in dock.workspace.slides:
        slide.close()


def test_without_tissue_a_region_is_advised(dock, qtbot, messages):
    blank = np.full((600, 600, 3), 245, np.uint8)
    dock.workspace.take_slide(Slide.from_array(blank, mpp=0.5, name="blank"))
    press(qtbot, dock.spots.grid_button)
    qtbot.waitUntil(lambda: len(messages) == 1, timeout=PATIENCE)
    assert "No tissue was detected on blank" in messages[0]
    assert "press Grid in region" in messages[0]


def test_the_heatmap_sharpens_while_draws_arrive_and_stop_keeps_what_is_known(
    ready, viewer, qtbot, messages
):
    ready.settings.draws.setValue(1000)
    press(qtbot, ready.predict_button)
    press(qtbot, ready.predict_button)  # a double click is no Stop
    assert not ready.workspace.run.is_stopping
    assert not ready.slide.is_folded
    qtbot.waitUntil(lambda: ready.workspace.result is not None, timeout=PATIENCE)
    assert ready.slide.title.text() == "▸ 1  Slide: section-2, 0.5 µm/px"
    assert ready.spots.title.text() == f"▸ 2  Spots: {ready.workspace.spots.n_obs}"
    assert ready.checkpoint.is_folded
    press(qtbot, ready.slide.title)
    assert ready.slide.title.text() == "▾ 1  Slide"
    qtbot.wait(500)
    assert not ready.slide.mpp.isEnabled()
    assert not ready.spots.isEnabled()
    qtbot.waitUntil(lambda: ready.predict_button.text().startswith("Stop ("))
    press(qtbot, ready.predict_button)
    assert ready.predict_button.text() == "Stopping…"
    qtbot.waitUntil(lambda: "Continue" in ready.predict_button.text(), timeout=PATIENCE)
    result = ready.workspace.result
    draws = result.n_draws
    assert 1 <= draws < 1000
    assert ready.predict_button.text() == f"Continue ({draws} of 1000 draws)"
    assert f"{draws} draw" in ready.result.note.text()
    assert result.prediction.uns["napari_stem"]["n_draws"] == draws
    assert "std" in result.values
    assert viewer.layers[f"{ready.workspace.gene} mean"].visible
    assert not ready.slide.is_folded  # more draws leave alone what was unfolded
    assert ready.slide.mpp.isEnabled()
    assert ready.spots.isEnabled()
    assert not is_busy(viewer)
    assert not messages


def test_continue_adds_draws_and_other_settings_add_a_result(ready, qtbot, section, trained):
    run_to_the_end(ready, qtbot)
    assert ready.workspace.result.n_draws == 4
    numbers = np.arange(section.spots.n_obs) % 2 + 1
    named = Clusters.of_numbers(numbers.astype(np.uint16)).renamed(1, "tumour")
    ready.workspace.take_clusters(named)
    ready.settings.draws.setValue(10)
    assert ready.predict_button.text() == "Continue (4 of 10 draws)"
    box = ready.checkpoint.box
    box.activated.emit(0)  # no checkpoint, and the same one again
    assert not ready.predict_button.isEnabled()
    box.activated.emit(box.findData(str(trained.path)))
    qtbot.waitUntil(lambda: ready.predict_button.text() == "Continue (4 of 10 draws)")
    run_to_the_end(ready, qtbot)
    result = ready.workspace.result
    assert (result.n_draws, len(ready.workspace.results)) == (10, 1)
    assert ready.workspace.clusters is named
    assert list(result.prediction.obs["leiden"].cat.categories) == ["tumour", "2"]
    expected = predict(section.slide, section.spots, trained.checkpoint, n_draws=10)
    np.testing.assert_allclose(result.values["mean"], expected.X, atol=1e-4)
    ready.settings.seed.setValue(1)
    assert ready.predict_button.text() == "Predict"
    press(qtbot, ready.predict_button)
    work = ready.workspace
    qtbot.waitUntil(lambda: len(work.results) == 2, timeout=PATIENCE)
    assert (work.clusters, work.result.request.options.seed) == (None, 1)
    work.run.stop()
    qtbot.waitUntil(lambda: work.run.request is None, timeout=PATIENCE)
    work.show_result(0)
    assert (work.result, work.clusters) == (result, named)


def test_no_prediction_starts_before_the_spots_are_there(ready, qtbot):
    work, former = ready.workspace, ready.workspace.spots
    ready.spots.pitch.setValue(60)
    press(qtbot, ready.spots.grid_button)
    assert ready.predict_button.text().startswith("Waiting")
    assert not ready.predict_button.isEnabled()
    work.run.request = PredictRequest(work.slide, former, work.checkpoint)
    qtbot.waitUntil(lambda: not ready.spots.is_busy, timeout=PATIENCE)
    assert work.spots is not former
    assert not ready.spots.isEnabled()
    work.run.request = None
    assert ready.spots.isEnabled()
    assert ready.predict_button.isEnabled()


def test_a_result_of_other_settings_is_not_continued(ready, qtbot):
    run_to_the_end(ready, qtbot)
    ready.settings.draws.setValue(10)
    ready.settings.seed.setValue(1)
    press(qtbot, ready.predict_button)
    ready.workspace.run.stop()
    qtbot.waitUntil(lambda: ready.workspace.run.request is None, timeout=PATIENCE)
    assert ready.workspace.result.n_draws == 4
    assert ready.predict_button.text() == "Predict"
    assert ready.hint.text() == "Stopped before the first draw. There is no prediction."
    ready.workspace.spots = ready.workspace.spots[1:].copy()
    assert not ready.hint.text()


def test_arrow_keys_flick_through_the_genes_that_the_search_leaves(ready, viewer, qtbot):
    run_to_the_end(ready, qtbot)
    genes = ready.result.genes
    qtbot.keyClicks(genes.search, "col")
    qtbot.keyClick(genes.search, Qt.Key.Key_Home)
    for _ in range(9):  # more than the list is long
        qtbot.keyClick(genes.search, Qt.Key.Key_Up)
    assert ready.workspace.gene == "COL1A1"
    qtbot.keyClick(genes.search, Qt.Key.Key_Down)
    assert ready.workspace.gene == "COL3A1"
    qtbot.keyClick(genes.view, Qt.Key.Key_Up)
    assert ready.workspace.gene == "COL1A1"
    assert viewer.layers["COL1A1 mean"].visible


def test_foreign_tissue_is_told_and_a_few_odd_spots_are_not(ready, qtbot, section):
    work, trust = ready.workspace, ready.result.trust
    pixels = np.random.default_rng(0).integers(0, 255, (30, 30, 3), np.uint8)
    noise = np.kron(pixels, np.ones((40, 40, 1), np.uint8))
    work.take_slide(Slide.from_array(noise, mpp=0.5, name="noise"))
    assert trust.isHidden()
    work.spots = section.spots
    run_to_the_end(ready, qtbot)
    n = section.spots.n_obs
    assert trust.text().startswith(f"⚠ {n} of {n} spots (100 %) differ from the training tissue")
    assert not trust.isHidden()
    work.result.prediction.obs["ood"] = np.where(np.arange(n) < n // 20, 1.2, 0.5)
    ready.result.refresh()
    assert trust.isHidden()


def test_statistics_of_the_draws_are_computed_when_they_are_asked_for(ready, viewer, qtbot):
    run_to_the_end(ready, qtbot)
    panel, work = ready.result, ready.workspace
    choose_statistic(panel, "above")
    qtbot.waitUntil(lambda: work.statistic == "above", timeout=PATIENCE)
    shares = work.result.values["above"]
    assert set(np.unique(shares)) <= {0, 0.25, 0.5, 0.75, 1}  # of four draws
    title = viewer.canvas.overlays.text
    assert viewer.layers[f"{work.gene} P(above 1)"].visible
    source = f"{work.slide.name} · {work.checkpoint.path.stem}"
    said = f"{work.gene}: P(above 1) of 4 draws\nthreshold in {work.result.unit}\n{source}"
    assert title.text == said
    panel.threshold.setValue(20)
    qtbot.waitUntil(lambda: work.result.values["above"] is not shares, timeout=PATIENCE)
    assert not work.result.values["above"].any()
    assert title.text.startswith(f"{work.gene}: P(above 20) of 4 draws")


def test_a_computed_statistic_is_in_exports_as_it_is_on_the_screen(
    ready, viewer, qtbot, section, tmp_path
):
    run_to_the_end(ready, qtbot)
    panel, work = ready.result, ready.workspace
    _, export = viewer.window.add_plugin_dock_widget("napari-stem", "Export")
    before = work.result.prediction
    panel.threshold.setValue(2)
    for name in ("median", "above"):
        choose_statistic(panel, name)
        qtbot.waitUntil(lambda name=name: work.statistic == name)
    shown = work.result
    assert not {"median", "above"} & set(before.layers)  # an export may be reading it

    export.panel.export(tmp_path / "seen.h5ad")
    qtbot.waitUntil(lambda: not export.panel.is_busy)
    saved = read_h5ad(tmp_path / "seen.h5ad")
    fill(viewer, section.slide, saved)
    assert (work.statistic, work.result.threshold) == ("above", 2)
    for name in ("median", "above"):
        np.testing.assert_array_equal(saved.layers[name], shown.values[name])
        np.testing.assert_array_equal(work.result.values[name], shown.values[name])


def test_the_measured_values_can_be_shown_beside_the_prediction(ready, viewer, qtbot, section):
    run_to_the_end(ready, qtbot)
    panel, work = ready.result, ready.workspace
    choose_statistic(panel, "truth")
    measured = np.log2(section.spots[:, work.gene].X.toarray().ravel() + 1)
    np.testing.assert_allclose(work.result.of(work.gene, "truth"), measured, rtol=1e-6)
    assert viewer.layers[f"{work.gene} measured"].visible


def test_a_marker_set_narrows_the_genes_and_one_can_be_imported(ready, qtbot, tmp_path):
    run_to_the_end(ready, qtbot)
    panel = ready.result
    before = panel.genes.visible_genes()
    path = tmp_path / "mine.csv"
    path.write_text("COL1A1,fibres\nNOSUCH,none\n")
    panel.markers.import_file(path)
    qtbot.waitUntil(lambda: panel.markers.box.currentText() == "mine", timeout=PATIENCE)
    assert panel.genes.visible_genes() == ["COL1A1"]
    panel.markers.box.setCurrentIndex(0)
    assert panel.genes.visible_genes() == before


def test_a_marker_set_that_cannot_be_used_says_why_and_spares_the_others(qtbot, home):
    folder = home / "data" / "marker_sets"
    folder.mkdir(parents=True)
    (folder / "good.txt").write_text("A\n")
    (folder / "bad.txt").write_text("A\nA\n")
    markers = MarkerBox(Workspace(), list)
    qtbot.addWidget(markers)
    qtbot.waitUntil(lambda: markers.box.findText("good") > 0, timeout=PATIENCE)
    bad = markers.box.model().item(markers.box.findText("bad (unreadable)"))
    assert not bad.isEnabled()
    assert "has A more than once" in bad.toolTip()


def test_a_click_on_a_heading_sorts_genes_by_their_statistics(ready, qtbot):
    run_to_the_end(ready, qtbot)
    table = ready.result.genes
    var = ready.workspace.result.prediction.var
    model = table.view.model()
    headings = [model.headerData(i, Qt.Orientation.Horizontal) for i in range(model.columnCount())]
    table.view.sortByColumn(headings.index("Moran"), Qt.SortOrder.DescendingOrder)
    assert table.visible_genes() == list(var["morans_i"].sort_values(ascending=False).index)


def test_statistic_colours_and_opacity_reach_the_layer_and_are_remembered(ready, viewer, qtbot):
    run_to_the_end(ready, qtbot)
    panel = ready.result
    panel.statistic.setCurrentIndex(1)
    panel.statistic.activated.emit(1)
    panel.colormap.setCurrentText("magma")
    panel.opacity.setValue(40)
    layer = viewer.layers[f"{ready.workspace.gene} SD"]
    assert (layer.colormap.name, layer.opacity) == ("magma", 0.4)
    again = PredictDock(viewer)
    qtbot.addWidget(again)
    assert (again.result.colormap.currentText(), again.result.opacity.value()) == ("magma", 40)
    assert again.settings.draws.value() == 4


def test_a_second_dock_of_a_viewer_shows_the_same(ready, viewer, qtbot):
    again = PredictDock(viewer)
    qtbot.addWidget(again)
    assert again.predict_button.isEnabled()
    qtbot.waitUntil(lambda: again.spots.note.text() == ready.spots.note.text())


def remove_all_but_the_slide(viewer) -> None:
    del viewer.layers[1:]


def test_removing_layers_breaks_nothing(ready, viewer, qtbot):
    run_to_the_end(ready, qtbot)
    remove_all_but_the_slide(viewer)
    ready.workspace.gene = "ACTB"
    remove_all_but_the_slide(viewer)
    run_to_the_end(ready, qtbot)
    assert {layer.name for layer in viewer.layers} >= {ready.workspace.slide.name, "ACTB mean"}


def test_layers_removed_while_draws_arrive_come_back(ready, viewer, qtbot):
    ready.settings.draws.setValue(1000)
    press(qtbot, ready.predict_button)
    qtbot.waitUntil(lambda: ready.workspace.result is not None, timeout=PATIENCE)
    remove_all_but_the_slide(viewer)
    qtbot.waitUntil(lambda: len(viewer.layers) == 2, timeout=PATIENCE)
    press(qtbot, ready.predict_button)
    qtbot.waitUntil(lambda: "Continue" in ready.predict_button.text(), timeout=PATIENCE)


def test_an_error_of_torch_is_told_and_the_dock_goes_on(
    ready, viewer, qtbot, messages, monkeypatch
):
    def fail(*_, **__):
        raise RuntimeError("CUDA error: device-side assert triggered")

    with monkeypatch.context() as broken:
        broken.setattr("napari_stem.model.network.StemNetwork.forward", fail)
        run_to_the_end(ready, qtbot)
    assert messages == ["error: CUDA error: device-side assert triggered"]
    assert not is_busy(viewer)
    run_to_the_end(ready, qtbot)
    assert ready.workspace.result.n_draws == 4


def test_draws_before_an_error_are_a_whole_prediction(ready, qtbot, messages, monkeypatch):
    work, forward = ready.workspace, StemNetwork.forward

    def fail_later(*arguments):
        if work.result is not None:
            raise RuntimeError("CUDA error: device-side assert triggered")
        return forward(*arguments)

    monkeypatch.setattr(StemNetwork, "forward", fail_later)
    ready.settings.draws.setValue(1000)
    press(qtbot, ready.predict_button)
    qtbot.waitUntil(lambda: "Continue" in ready.predict_button.text(), timeout=PATIENCE)
    assert messages == ["error: CUDA error: device-side assert triggered"]
    assert work.run.request is None
    assert work.result.prediction.uns["napari_stem"]["n_draws"] == work.result.n_draws
    assert ready.export.isEnabled()


def test_an_error_of_what_is_made_of_all_draws_is_told_once(ready, qtbot, messages, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("no memory is left")

    monkeypatch.setattr("napari_stem.prediction.predict.iter_summarise", fail)
    press(qtbot, ready.predict_button)
    qtbot.waitUntil(lambda: ready.workspace.run.request is None, timeout=PATIENCE)
    assert messages == ["error: no memory is left"]
    assert "stopped early" in ready.export.note.text()


def test_a_checkpoint_that_vanished_is_one_line(ready, qtbot, messages, tmp_path, trained):
    chosen = ready.checkpoint.note.text()
    ready.checkpoint.open(tmp_path / "gone.safetensors")
    qtbot.waitUntil(lambda: len(messages) == 1, timeout=PATIENCE)
    assert "There is no checkpoint at" in messages[0]
    qtbot.waitUntil(ready.checkpoint.isEnabled)
    assert ready.checkpoint.note.text() == f"⚠ {messages[0].removeprefix('error: ')}\n{chosen}"


def test_spots_of_another_slide_are_refused(ready, qtbot, messages, tmp_path):
    before = ready.workspace.spots
    path = tmp_path / "far.csv"
    path.write_text("x,y\n90000,90000\n90200,90000\n")
    ready.spots.load(path)
    qtbot.waitUntil(lambda: len(messages) == 1, timeout=PATIENCE)
    assert ready.workspace.spots is before


def test_the_viewer_may_close_midway(ready, viewer, qtbot):
    ready.settings.draws.setValue(1000)
    press(qtbot, ready.predict_button)
    qtbot.waitUntil(lambda: ready.workspace.result is not None, timeout=PATIENCE)
    tasks = tasks_of(viewer)
    viewer.close()
    qtbot.waitUntil(lambda: not tasks.is_busy(), timeout=PATIENCE)


def test_a_prediction_outlives_its_dock(ready, viewer, qtbot, section):
    work = ready.workspace
    ready.settings.draws.setValue(1000)
    press(qtbot, ready.predict_button)
    qtbot.waitUntil(lambda: work.result is not None, timeout=PATIENCE)
    draws = work.result.n_draws
    viewer.window.remove_dock_widget(ready)
    qtbot.waitUntil(lambda: work.result.n_draws > draws, timeout=PATIENCE)
    again = open_dock(viewer, "Predict")
    assert again.predict_button.text().startswith("Stop (")
    assert not again.bar.isHidden()
    assert again.bar.progress.text().startswith("Step 3 of 4: Sampling, ")
    assert not again.spots.isEnabled()
    press(qtbot, again.predict_button)
    assert again.predict_button.text() == "Stopping…"
    qtbot.waitUntil(lambda: work.run.request is None, timeout=PATIENCE)
    assert work.result.prediction.uns["napari_stem"]["n_draws"] == work.result.n_draws
    assert again.bar.isHidden()


def test_closing_its_slide_ends_a_prediction(ready, viewer, qtbot, answers):
    ready.settings.draws.setValue(1000)
    press(qtbot, ready.predict_button)
    qtbot.waitUntil(lambda: ready.workspace.result is not None, timeout=PATIENCE)
    answers.press("Discard")
    press(qtbot, ready.slide.close_button)
    qtbot.waitUntil(lambda: ready.workspace.run.request is None, timeout=PATIENCE)
    assert ready.workspace.result is None


def test_checkpoints_are_found_again(dock, viewer, qtbot, trained, home):
    dock.checkpoint.open(trained.path)
    qtbot.waitUntil(lambda: dock.workspace.checkpoint is not None, timeout=PATIENCE)
    kept = json.loads((home / "config" / "docks.json").read_text())
    assert kept["checkpoints"] == [str(trained.path)]
    again = PredictDock(viewer)
    qtbot.addWidget(again)
    assert again.checkpoint.box.findText(trained.path.stem) > 0


def test_every_control_says_what_it_does(dock):
    kinds = (
        QAbstractButton,
        QTableView,
        QAbstractSpinBox,
        QComboBox,
        QLineEdit,
        QSlider,
    )
    for panel in (dock.slide, dock.spots, dock.checkpoint, dock.settings, dock.result):
        for control in controls_of(panel, kinds):
            part_of_another = isinstance(control.parent(), kinds)
            if not (part_of_another or control.objectName().startswith("qt_")):
                described = control.toolTip() or control.parent().toolTip()
                assert described, f"{type(panel).__name__}: {control}"
