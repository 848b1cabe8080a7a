"""Files dropped on the window: what was exported opens as it was."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import napari
import numpy as np
import pytest
import tifffile
from anndata import AnnData
from napari.components import ViewerModel
from npe2 import DynamicPlugin, PluginManager
from npe2.io_utils import read
from PIL import Image
from qtpy.QtWidgets import QFileDialog
from safetensors.numpy import save_file

from napari_stem._napari.canvas.attach import workspace_of
from napari_stem._napari.files.launch import fill
from napari_stem._napari.files.readers import get_reader, open_in
from napari_stem._napari.keeping.exporting import ExportRequest
from napari_stem._napari.shell.remembered import remembered
from napari_stem._napari.state.saved_view import View
from napari_stem.analysis.cluster import cluster
from napari_stem.api.predicting import predict
from napari_stem.events import finish
from napari_stem.io.preview import PreviewSlide
from napari_stem.slides.slide import Slide, open_slide
from napari_stem.spots.table import positions

from ..conftest import PATIENCE, is_busy
from ..private_names import get_app_model


@pytest.fixture(scope="module")
def picture(section, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The section's picture as a file that stays."""
    path = tmp_path_factory.mktemp("pictures") / "biopsy.png"
    Image.fromarray(np.asarray(section.slide.levels[0])).save(path)
    return path


@pytest.fixture(scope="module")
def made(section, trained, picture) -> AnnData:
    """A prediction of the picture with its clusters."""
    with open_slide(picture, mpp=section.slide.mpp) as slide:
        made = predict(slide, section.spots, trained.checkpoint, n_draws=4, cache=False)
    cluster(made)
    return made


@pytest.fixture
def slide_path(picture, tmp_path: Path) -> Path:
    """A copy of the picture, which may be lost."""
    return Path(shutil.copy(picture, tmp_path))


@pytest.fixture
def predicted(made, slide_path) -> AnnData:
    """The prediction as one of the copy."""
    predicted = made.copy()
    predicted.uns["napari_stem"]["slide_path"] = str(slide_path)
    return predicted


@pytest.fixture
def former(predicted, slide_path, section) -> ViewerModel:
    """What a user left: another gene and statistic, a colour of their own."""
    viewer = ViewerModel()
    fill(viewer, open_slide(slide_path, mpp=section.slide.mpp), predicted)
    work = workspace_of(viewer)
    work.gene, work.statistic = "COL1A1", "std"
    work.take_clusters(work.clusters.recoloured(1, "#123456"))
    return viewer


@pytest.fixture
def exported(former, predicted, tmp_path) -> Path:
    path = tmp_path / "biopsy.h5ad"
    finish(ExportRequest(predicted, path, View.of(workspace_of(former))).events())
    return path


@pytest.fixture
def drop(viewer, qtbot):
    """Drop a file on the window, or open it from the menu; wait until it has been read."""

    def drop(path: Path) -> None:
        if "napari-stem" in claims(path):
            viewer.open(path, plugin="napari-stem")
        else:
            open_in(viewer, path)
        qtbot.waitUntil(lambda: not is_busy(viewer), timeout=PATIENCE)

    return drop


def claims(path: Path) -> set[str]:
    """The plugins among which napari lets a user choose a reader."""
    readers = PluginManager.instance().iter_compatible_readers([str(path)])
    return {reader.plugin_name for reader in readers}


def look(viewer) -> dict[str, tuple]:
    """All that one sees of layers."""
    return {
        layer.name: (
            tuple(layer.scale),
            tuple(layer.translate),
            tuple(map(str, layer.units)),
            layer.visible,
            np.asarray(layer.data[0] if layer.multiscale else layer.data),
        )
        for layer in viewer.layers
    }


def same(ours: tuple, theirs: tuple) -> bool:
    return ours[:-1] == theirs[:-1] and np.array_equal(ours[-1], theirs[-1], equal_nan=True)


def test_an_export_opens_as_it_was(former, exported, viewer, drop):
    drop(exported)
    before, after = workspace_of(former), workspace_of(viewer)
    assert (after.gene, after.statistic) == ("COL1A1", "std")
    assert after.result.genes == before.result.genes
    assert after.slide.path == before.slide.path
    for statistic in ("mean", "std", "q05", "q95"):
        expected = before.result.values[statistic]
        np.testing.assert_array_equal(after.result.values[statistic], expected)
    np.testing.assert_array_equal(after.clusters.numbers, before.clusters.numbers)
    assert after.clusters.colours == before.clusters.colours
    first = viewer.layers["Clusters"].colormap.map(np.array([1]))[0]
    np.testing.assert_allclose(first[:3], np.array([0x12, 0x34, 0x56]) / 255, atol=0.01)


def test_layers_come_back_to_their_place(former, exported, viewer, drop):
    drop(exported)
    before, after = look(former), look(viewer)
    assert list(after) == ["biopsy", "Spots", "COL1A1 SD", "Clusters"]
    for name, seen in after.items():
        assert same(seen, before[name]), name


def test_each_spot_keeps_its_place_and_value(viewer, exported, drop):
    drop(exported)
    work, layer = workspace_of(viewer), viewer.layers["COL1A1 SD"]
    layer.visible = True  # clusters cover it
    values, mpp = work.result.of("COL1A1", "std"), work.slide.mpp
    for (x, y), value in zip(positions(work.spots), values, strict=True):
        assert layer.get_value(((y - 0.5) * mpp, (x - 0.5) * mpp), world=True) == value


def test_a_lost_slide_leaves_its_thumbnail_at_its_place(
    viewer, exported, slide_path, messages, drop
):
    shape = open_slide(slide_path).levels[0].shape
    slide_path.unlink()
    drop(exported)
    work = workspace_of(viewer)
    assert isinstance(work.slide, PreviewSlide)
    layer = viewer.layers[work.slide.name]
    assert layer.data[0].shape == shape
    assert layer.scale[0] == pytest.approx(work.slide.mpp)
    assert "so its thumbnail is shown" in messages[0]
    viewer.screenshot(flash=False)


def test_without_a_window_the_same_layers_are_returned(former, exported):
    assert napari.current_viewer() is None
    expected = look(former)
    tuples = read([str(exported)], stack=False, plugin_name="napari-stem")
    assert [kind for _, _, kind in tuples] == ["image", "image", "image", "labels"]
    for data, attributes, _ in tuples[2:]:
        np.testing.assert_array_equal(data, expected[attributes["name"]][-1])


def test_slides_are_taken_by_the_workspace(viewer, section, tmp_path, drop):
    path = tmp_path / "biopsy.ome.tif"
    pixels = np.asarray(section.slide.levels[0])
    tifffile.imwrite(path, pixels, tile=(256, 256), photometric="rgb")
    drop(path)
    with workspace_of(viewer).slide as slide:
        assert slide.path == path
        assert [layer.name for layer in viewer.layers] == ["biopsy"]


def test_a_damaged_scan_is_said_and_left_to_others(tmp_path, messages):
    path = tmp_path / "scan.svs"
    path.write_bytes(b"II*\0 cut off")
    assert get_reader(str(path)) is None
    assert "could not be read as a slide" in messages[-1]


def test_what_is_not_ours_is_left_to_others(tmp_path, predicted):
    stack = tmp_path / "stack.tif"
    tifffile.imwrite(stack, np.zeros((5, 20, 20), np.uint16))
    weights = tmp_path / "weights.safetensors"
    save_file({"a": np.zeros(3)}, weights)
    other = tmp_path / "other.h5ad"
    AnnData(np.ones((3, 2), np.float32)).write_h5ad(other)
    text = tmp_path / "text.safetensors"
    text.write_text("no weights")
    empty = tmp_path / "empty"
    empty.mkdir()
    for path in (stack, weights, other, text, empty, tmp_path / "none.h5ad"):
        assert get_reader(str(path)) is None
    assert get_reader([str(stack)]) is None


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs a file that waits for its content")
def test_the_window_does_not_wait_for_a_slow_disk(viewer, tmp_path, messages, qtbot):
    path = tmp_path / "slow.geojson"
    os.mkfifo(path)
    viewer.open(path, plugin="napari-stem")
    assert is_busy(viewer)
    path.write_text(geojson([(1, 2)]))
    qtbot.waitUntil(lambda: not is_busy(viewer))
    assert "Open the slide first" in messages[0]


def test_another_plugin_opens_what_is_not_ours_after_all(viewer, tmp_path, messages, drop):
    path = tmp_path / "other.h5ad"
    AnnData(np.ones((3, 2), np.float32)).write_h5ad(path)
    drop(path)
    assert "Stem cannot open other.h5ad" in messages[0]
    with DynamicPlugin("other-plugin") as other:

        @other.contribute.reader(filename_patterns=["*.h5ad"])
        def read(path):
            return lambda _: [(np.zeros((4, 4)), {"name": "theirs"}, "image")]

        drop(path)
        assert [layer.name for layer in viewer.layers] == ["theirs"]
        assert len(messages) == 1


def test_a_checkpoint_is_chosen(viewer, trained, messages, drop):
    drop(trained.path)
    work = workspace_of(viewer)
    assert work.checkpoint.path == trained.path
    assert f"Checkpoint {trained.path.stem} is chosen" in messages[0]
    _, dock = viewer.window.add_plugin_dock_widget("napari-stem", "Predict")
    assert dock.checkpoint.box.currentText() == trained.path.stem
    assert remembered("checkpoint", "") == str(trained.path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A legacy array of 25 spots."""
    folder = tmp_path / "A1"
    folder.mkdir()
    steps = range(1, 6)
    places = [(x, y, 40 * x, 40 * y) for x in steps for y in steps]
    lines = ["x\ty\tpixel_x\tpixel_y", *("\t".join(map(str, place)) for place in places)]
    (folder / "spots.tsv").write_text("\n".join(lines))
    counts = ["\tFASN", *(f"{x}x{y}\t{x}" for x, y, *_ in places)]
    (folder / "counts.tsv").write_text("\n".join(counts))
    return folder


def test_a_folder_of_spots_brings_its_slide(viewer, folder, drop):
    Image.new("RGB", (240, 260), "white").save(folder / "HE.png")
    drop(folder)
    work = workspace_of(viewer)
    assert (work.slide.name, work.spots.n_obs) == ("A1", 25)
    assert [layer.name for layer in viewer.layers] == ["A1", "Spots"]


def test_spots_alone_need_a_slide(viewer, folder, messages, drop):
    drop(folder)
    assert "Open the image first, then its spots." in messages[0]
    white = np.full((260, 240, 3), 255, np.uint8)
    workspace_of(viewer).take_slide(Slide.from_array(white, mpp=5))
    drop(folder)
    assert workspace_of(viewer).spots.n_obs == 25


def test_an_export_takes_the_place_of_another_panels_result(viewer, exported, section, drop):
    work = workspace_of(viewer)
    drop(exported)
    other = work.result.prediction[:, ["CD3E", "TRAC"]].copy()
    fill(viewer, work.slide, other, gene="TRAC")
    assert (work.gene, work.statistic) == ("TRAC", "std")
    drop(exported)
    assert (work.gene, work.statistic) == ("COL1A1", "std")
    assert viewer.layers["COL1A1 SD"].visible or viewer.layers["Clusters"].visible


def test_the_scale_of_an_open_slide_counts_and_is_said(
    viewer, exported, slide_path, messages, drop
):
    work = workspace_of(viewer)
    with open_slide(slide_path, mpp=0.6) as slide:
        work.take_slide(slide)
        drop(exported)
        assert work.slide.mpp == 0.6
        (told,) = messages
        assert "was predicted at 0.5 µm/px" in told
        assert "is 0.6 µm/px. The scale of the open slide counts." in told


@pytest.mark.filterwarnings("ignore")  # its dependencies' own to mend
def test_spatialdata_opens_as_it_was(former, predicted, viewer, tmp_path, drop):
    path = tmp_path / "biopsy.zarr"
    finish(ExportRequest(predicted, path, View.of(workspace_of(former))).events())
    drop(path)
    before, after = look(former), look(viewer)
    assert list(after) == ["biopsy", "Spots", "COL1A1 SD", "Clusters"]
    for name, seen in after.items():
        assert same(seen, before[name]), name
    assert workspace_of(viewer).clusters.colours[0] == "#123456"


def test_other_zarr_folders_are_left_to_others(tmp_path):
    folder = tmp_path / "image.zarr"
    folder.mkdir()
    assert get_reader(str(folder)) is None


@pytest.mark.parametrize("suffix", [".csv", ".geojson"])
def test_spots_are_those_of_the_open_slide(viewer, section, tmp_path, suffix, messages, drop):
    path = tmp_path / f"spots{suffix}"
    write = {".csv": "x,y\n100,200\n300,200\n", ".geojson": geojson([(100, 200), (300, 200)])}
    path.write_text(write[suffix])
    drop(path)
    assert "Open the slide first" in messages[0]
    work = workspace_of(viewer)
    work.take_slide(section.slide)
    drop(path)
    np.testing.assert_array_equal(positions(work.spots), [(100, 200), (300, 200)])
    assert [layer.name for layer in viewer.layers] == [section.slide.name, "Spots"]


def test_tables_without_places_are_left_to_others(tmp_path):
    points = tmp_path / "points.csv"
    points.write_text("index,axis-0,axis-1\n0,1,2\n")
    binary = tmp_path / "binary.csv"
    binary.write_bytes(bytes(range(256)))
    assert get_reader(str(points)) is None
    assert get_reader(str(binary)) is None


def geojson(places) -> str:
    features = [
        {"type": "Feature", "geometry": {"type": "Point", "coordinates": place}, "properties": {}}
        for place in places
    ]
    return json.dumps({"type": "FeatureCollection", "features": features})


@pytest.mark.parametrize("suffix", [".stem.ome.tif", ".geojson"])
def test_heatmaps_open_over_their_slide(predicted, viewer, tmp_path, suffix, drop):
    path = tmp_path / f"biopsy{suffix}"
    finish(ExportRequest(predicted, path, View(gene="CD3E")).events())
    drop(path)
    work = workspace_of(viewer)
    np.testing.assert_allclose(
        work.result.of("CD3E", "std"), predicted[:, "CD3E"].layers["std"][:, 0], atol=5e-5
    )
    assert work.slide.path.name == "biopsy.png"
    assert viewer.layers["CD3E mean"].visible or work.clusters is not None
    assert work.run.lacking(work.result) == ""  # it can be clustered and exported


def test_heatmaps_of_a_lost_slide_ask_for_it(
    predicted, viewer, slide_path, section, tmp_path, messages, drop
):
    path = tmp_path / "biopsy.stem.ome.tif"
    finish(ExportRequest(predicted, path, View()).events())
    slide = open_slide(slide_path, mpp=section.slide.mpp)
    moved = slide_path.rename(tmp_path / "moved.png")
    drop(path)
    assert "Open the slide first" in messages[-1]
    slide.close()
    workspace_of(viewer).take_slide(open_slide(moved, mpp=section.slide.mpp))
    drop(path)
    assert workspace_of(viewer).result.n_draws == 4


def test_only_files_of_scanners_and_our_own_are_claimed(tmp_path, viewer):
    for name in ("a.svs", "A.SVS", "a.ndpi", "a.czi", "a.stem.ome.tif", "a.h5ad", "a.geojson"):
        assert "napari-stem" in claims(tmp_path / name)
    (tmp_path / "a.zarr").mkdir()
    for name in ("a.tif", "a.tiff", "a.ome.tif", "a.csv", "a.tsv", "a.zarr", "a.png", "a.dcm", ""):
        assert "napari-stem" not in claims(tmp_path / name)


def test_the_menu_opens_what_is_not_claimed(viewer, tmp_path, monkeypatch, messages, qtbot, folder):
    Image.new("RGB", (240, 260), "white").save(folder / "HE.png")
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(folder))
    get_app_model().commands.execute_command("napari-stem.open_folder").result()
    qtbot.waitUntil(lambda: workspace_of(viewer).spots is not None)
    stack = tmp_path / "stack.tif"
    tifffile.imwrite(stack, np.zeros((5, 20, 20), np.uint16))
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(stack), ""))
    get_app_model().commands.execute_command("napari-stem.open_file").result()
    qtbot.waitUntil(lambda: not is_busy(viewer))
    assert "Stem cannot open stack.tif" in messages[-1]
