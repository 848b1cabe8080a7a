from __future__ import annotations

import pytest
from napari._app_model.constants import MenuId
from npe2 import PluginManifest

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
    used = [*(contributions.widgets or []), *(contributions.sample_data or [])]
    assert {item.command for item in used} <= declared


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
