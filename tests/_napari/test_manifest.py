from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest
import yaml
from napari._app_model.constants import MenuId
from npe2 import PluginManifest

from napari_stem import _napari
from napari_stem._napari.predict_dock import PredictDock


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
    sources = "".join(path.read_text() for path in Path(_napari.__file__).parent.glob("*.py"))
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
