from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from napari.settings import get_plugin_settings
from npe2 import PluginManifest
from ome_zarr.format import FormatV05
from PIL import Image
from qtpy.QtCore import QTimer

from napari_stem._napari.canvas.attach import workspace_of
from napari_stem._napari.files.readers import get_reader
from napari_stem._napari.predict.dock import PredictDock
from napari_stem._napari.shell.cache_limit import follow_preference
from napari_stem._napari.shell.remembered import symbols, with_slide_path
from napari_stem.api.predicting import predict
from napari_stem.cache import LIMIT_GB, LIMITS_GB, limit_gb
from napari_stem.checkpoints.starter import starter_file
from napari_stem.errors import SlideNotFound
from napari_stem.exports.registry import write_prediction
from napari_stem.sections import public_data
from napari_stem.sections.public_data import DATA_VARIABLE
from napari_stem.slides.suffixes import MAYBE_RGB, SCANNED

from ..slides.slide_writers import texture, write_ome_zarr
from .conftest import PATIENCE, is_busy
from .private_names import MenuId, get_app_model


@pytest.fixture(scope="module")
def manifest() -> PluginManifest:
    return PluginManifest.from_distribution("napari-stem")


def test_the_installed_package_has_the_manifest(manifest):
    assert manifest.display_name == "Stem"


def test_every_command_can_be_imported(manifest):
    manifest.validate_imports()


def test_everything_contributed_names_a_declared_command(manifest):
    contributions = manifest.contributions
    declared = {command.id for command in contributions.commands}
    used = [
        *(contributions.widgets or []),
        *(contributions.sample_data or []),
        *(contributions.readers or []),
        *(item for items in (contributions.menus or {}).values() for item in items),
    ]
    assert {item.command for item in used} == declared


def test_titles_say_what_a_command_does(manifest):
    titles = [command.title for command in manifest.contributions.commands]
    assert len(set(titles)) == len(titles)
    assert all(title[0].isupper() and " " in title and title[-1] != "." for title in titles)


def test_every_preference_is_described_and_heeded(manifest, home):
    ways = {
        ("cache", "limit_gb"): lambda: limit_gb(home / "cache"),
        ("export", "slide_path"): with_slide_path,
        ("genes", "symbols"): symbols,
    }
    others = {True: False, LIMIT_GB: LIMITS_GB[0], "": "table.txt"}
    get_plugin_settings("napari-stem").cache.limit_gb = LIMIT_GB
    follow_preference()
    groups = manifest.contributions.configurations
    stated = {
        (key, name): entry for key in groups for name, entry in groups[key].properties.items()
    }
    assert stated.keys() == ways.keys()
    for (key, name), read in ways.items():
        group = getattr(get_plugin_settings("napari-stem"), key)
        assert read() == getattr(group, name) == stated[key, name].default
        other = others[read()]
        setattr(group, name, other)
        assert read() == other
        setattr(group, name, stated[key, name].default)
        assert stated[key, name].description
    limit = stated["cache", "limit_gb"]
    assert (limit.minimum, limit.maximum) == LIMITS_GB


def test_menus_are_ones_that_plugins_may_add_to(manifest):
    assert set(manifest.contributions.menus or {}) <= MenuId.contributables()


def test_the_menu_opens_the_dock(viewer):
    viewer.window.add_plugin_dock_widget("napari-stem", "Predict")
    docks = viewer.window.dock_widgets.values()
    assert any(isinstance(widget, PredictDock) for widget in docks)


def test_the_generated_sample_is_the_workspaces_slide_in_micrometres(viewer, qtbot):
    (layer,) = viewer.open_sample("napari-stem", "generated_slide")
    assert layer.rgb
    assert [str(unit) for unit in layer.units] == ["micrometer", "micrometer"]
    work = workspace_of(viewer)
    qtbot.waitUntil(lambda: work.slide is not None)
    assert [layer.name for layer in viewer.layers] == [work.slide.name]
    qtbot.waitUntil(lambda: work.checkpoint is not None, timeout=PATIENCE)
    assert work.checkpoint.path == starter_file()


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """HER2ST in small: five by five spots, 200 µm apart."""
    folder = tmp_path / "her2st" / "C5"
    folder.mkdir(parents=True)
    steps = range(1, 6)
    places = [(x, y, 40 * x, 40 * y) for x in steps for y in steps]
    lines = ["x\ty\tpixel_x\tpixel_y", *("\t".join(map(str, place)) for place in places)]
    (folder / "spots.tsv").write_text("\n".join(lines))
    counts = ["\tFASN", *(f"{x}x{y}\t{x}" for x, y, *_ in places)]
    (folder / "counts.tsv").write_text("\n".join(counts))
    Image.new("RGB", (240, 260), "white").save(folder / "HE.png")
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path))
    return folder


def test_the_her2st_sample_brings_its_spots_while_the_window_goes_on(viewer, qtbot, mirror):
    ticks = []
    QTimer.singleShot(0, lambda: ticks.append(is_busy(viewer)))
    viewer.open_sample("napari-stem", "her2st_section")
    assert ticks == [True]
    work = workspace_of(viewer)
    qtbot.waitUntil(lambda: work.spots is not None)
    assert (work.slide.name, work.spots.n_obs) == ("C5", 25)
    assert work.slide.mpp == pytest.approx(200 / 40)
    assert [layer.name for layer in viewer.layers] == ["C5", "Spots"]


def test_a_sample_that_cannot_be_downloaded_is_one_message(viewer, monkeypatch):
    monkeypatch.delenv(DATA_VARIABLE, raising=False)
    nobody_there = "http://127.0.0.1:9"
    monkeypatch.setitem(public_data.her2st_folder.__kwdefaults__, "url", nobody_there)
    with pytest.raises(SlideNotFound, match=r"could not be downloaded: .* Connect to the internet"):
        viewer.open_sample("napari-stem", "her2st_section")
    assert not list(viewer.layers)


def run_command(name: str) -> None:
    get_app_model().commands.execute_command(name).result()


def test_a_menu_makes_the_selected_image_the_slide(viewer, qtbot, messages):
    run_command("napari-stem.use_as_slide")
    assert "No RGB image is selected" in messages[-1]
    pixels = np.zeros((60, 80, 3), np.uint8)
    layer = viewer.add_image(pixels, rgb=True, name="mine", scale=(0.5, 0.5), units=("um", "um"))
    run_command("napari-stem.use_as_slide")
    work = workspace_of(viewer)
    qtbot.waitUntil(lambda: work.slide is not None, timeout=PATIENCE)
    assert (work.slide.name, work.slide.mpp) == ("mine", 0.5)
    assert list(viewer.layers) == [layer]
    qtbot.waitUntil(lambda: not is_busy(viewer))
    run_command("napari-stem.use_as_slide")
    assert not is_busy(viewer)  # it is not read again


def test_every_menu_shows_its_commands(manifest, viewer):
    shown = get_app_model().menus
    for menu, items in manifest.contributions.menus.items():
        found = {item.command.id for item in shown.get_menu(menu)}
        assert {item.command for item in items} <= found


def test_the_palette_names_every_command(manifest, viewer):
    menus = get_app_model().menus
    palette = menus.get_menu(menus.COMMAND_PALETTE_ID)
    known = {item.command.id: item.command.title for item in palette}
    contributions = manifest.contributions
    in_menus = [*contributions.widgets, *contributions.sample_data]
    named = {item.command: item.display_name for item in in_menus}
    offered = [command for command in contributions.commands if command.id in known]
    assert {command.id for command in offered} >= {item.command for item in in_menus}
    for command in offered:  # napari 0.10 leaves out readers
        name = named.get(command.id, command.title)  # these are named as in their menu
        assert known[command.id].replace("&&", "&").startswith(name)


@pytest.fixture
def files(section, trained, tmp_path: Path) -> dict[str, Path]:
    """A file of each kind that is no scanner's, by its suffix."""
    paths = {suffix: tmp_path / f"file{suffix}" for suffix in (".csv", ".tsv", ".geojson", ".h5ad")}
    paths[".csv"].write_text("x,y\n1,2\n3,4\n")
    paths[".tsv"].write_text("x\ty\n1\t2\n3\t4\n")
    paths[".geojson"].write_text('{"type": "FeatureCollection", "features": []}')
    prediction = predict(section.slide, section.spots, trained.checkpoint, n_draws=2, cache=False)
    write_prediction(prediction, paths[".h5ad"])
    write_ome_zarr(tmp_path / "file.zarr", texture(64, 64), FormatV05())
    folder = tmp_path / "file.zarr"
    archive = Path(shutil.make_archive(str(folder), "zip", folder))
    return {**paths, ".safetensors": trained.path, ".zarr": folder, ".zarr.zip": archive}


def test_each_kind_of_file_has_a_reader_and_claimed_kinds_are_among_them(manifest, files):
    for path in files.values():
        assert get_reader(str(path)) is not None, path
    (reader,) = manifest.contributions.readers
    claimed = {pattern.removeprefix("*") for pattern in reader.filename_patterns}
    assert claimed <= {*SCANNED, *MAYBE_RGB, *files, ".stem.ome.tif"}
    assert not manifest.contributions.writers  # they cannot be limited to layers of ours
