from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
import yaml
from napari._app_model import get_app_model
from napari._app_model.constants import MenuId
from npe2 import PluginManifest
from PIL import Image

from napari_stem import _napari
from napari_stem._napari.canvas.attach import workspace_of
from napari_stem._napari.files import readers
from napari_stem._napari.predict.dock import PredictDock
from napari_stem.errors import SlideNotFound
from napari_stem.exports.registry import exporters
from napari_stem.sections import public_data
from napari_stem.sections.public_data import DATA_VARIABLE
from napari_stem.slides.suffixes import MAYBE_RGB, SCANNED

from .conftest import PATIENCE, is_busy


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
        *(contributions.writers or []),
        *(item for items in (contributions.menus or {}).values() for item in items),
    ]
    assert {item.command for item in used} == declared


def test_titles_say_what_a_command_does(manifest):
    titles = [command.title for command in manifest.contributions.commands]
    assert len(set(titles)) == len(titles)
    assert all(title[0].isupper() and " " in title and title[-1] != "." for title in titles)


def test_every_preference_is_read_by_the_code(manifest):
    sources = "".join(path.read_text() for path in Path(_napari.__file__).parent.rglob("*.py"))
    for key, group in manifest.contributions.configurations.items():
        for name, preference in group.properties.items():
            assert f".{key}.{name}" in sources
            assert preference.description


def test_the_wheel_brings_the_manifest(tmp_path, manifest):
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with ZipFile(wheel) as archive:
        packed = yaml.safe_load(archive.read("napari_stem/napari.yaml"))
    assert PluginManifest(**packed).contributions == manifest.contributions


def test_menus_are_ones_that_plugins_may_add_to(manifest):
    assert set(manifest.contributions.menus or {}) <= MenuId.contributables()


def test_the_menu_opens_the_dock(viewer):
    viewer.window.add_plugin_dock_widget("napari-stem", "Predict")
    docks = viewer.window.dock_widgets.values()
    assert any(isinstance(widget, PredictDock) for widget in docks)


def test_the_sample_is_a_slide_in_micrometres(viewer):
    (layer,) = viewer.open_sample("napari-stem", "generated_slide")
    assert layer.rgb
    assert [str(unit) for unit in layer.units] == ["micrometer", "micrometer"]


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


def test_the_her2st_sample_brings_its_spots(viewer, qtbot, mirror):
    viewer.open_sample("napari-stem", "her2st_section")
    work = workspace_of(viewer)
    qtbot.waitUntil(lambda: work.spots is not None)
    assert (work.slide.name, work.spots.n_obs) == ("C5", 25)
    assert work.slide.mpp == pytest.approx(200 / 40)
    assert [layer.name for layer in viewer.layers] == ["C5", "Spots"]


def test_a_sample_that_cannot_be_downloaded_is_one_message(viewer, monkeypatch):
    monkeypatch.delenv(DATA_VARIABLE, raising=False)
    nobody_there = "http://127.0.0.1:9"
    monkeypatch.setitem(public_data.her2st_folder.__kwdefaults__, "url", nobody_there)
    with pytest.raises(SlideNotFound, match=r"could not be downloaded .* Connect to the internet"):
        viewer.open_sample("napari-stem", "her2st_section")
    assert not list(viewer.layers)


def test_the_generated_sample_is_the_workspaces_slide(viewer, qtbot):
    viewer.open_sample("napari-stem", "generated_slide")
    work = workspace_of(viewer)
    qtbot.waitUntil(lambda: work.slide is not None)
    assert [layer.name for layer in viewer.layers] == [work.slide.name]


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
    for command in contributions.commands:
        name = named.get(command.id, command.title)  # these are named as in their menu
        assert known[command.id].replace("&&", "&").startswith(name)


def test_readers_and_writers_name_what_the_code_handles(manifest):
    (reader,) = manifest.contributions.readers
    suffixes = {pattern.removeprefix("*") for pattern in reader.filename_patterns}
    slides = {*SCANNED, *MAYBE_RGB}  # flat pictures are napari's
    assert slides <= suffixes
    handled = Path(readers.__file__).read_text()
    for suffix in suffixes - slides:
        assert f'"{suffix}"' in handled, suffix
    (writer,) = manifest.contributions.writers
    assert set(writer.filename_extensions) <= {entry.suffix for entry in exporters()}
