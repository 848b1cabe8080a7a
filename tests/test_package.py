"""The package as a whole: what it offers, what it loads, what it ships."""

from __future__ import annotations

import inspect
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from zipfile import ZipFile

import pytest
import yaml
from npe2 import PluginManifest

import napari_stem

HEAVY = ("torch", "scanpy", "timm", "napari", "qtpy", "lightning_fabric", "matplotlib", "zarr")


def test_the_public_names_are_sorted_typed_and_documented():
    assert sorted(napari_stem.__all__) == napari_stem.__all__
    assert set(napari_stem.__all__) <= set(dir(napari_stem))
    for name in napari_stem.__all__:
        function = getattr(napari_stem, name)
        assert callable(function), name
        assert inspect.getdoc(function), name
        if inspect.isclass(function):
            continue
        signature = inspect.signature(function)
        assert signature.return_annotation is not inspect.Signature.empty, name
        for parameter in signature.parameters.values():
            assert parameter.annotation is not inspect.Parameter.empty, (name, parameter)


def test_the_version_is_that_of_the_distribution():
    assert napari_stem.__version__ == version("napari-stem")


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        napari_stem.nothing  # noqa: B018


def test_what_is_heavy_is_loaded_when_it_is_needed():
    script = (
        "import napari_stem as stem, sys\n"
        f"print([m for m in {HEAVY!r} if m in sys.modules])\n"
        "stem.StemError, stem.open_slide, stem.read_spots, stem.make_grid, stem.encoders\n"
        "print('torch' in sys.modules)\n"
        "import napari_stem.checkpoints.checkpoint, napari_stem.prediction.predict\n"
        "print([m for m in ('lightning_fabric', 'timm') if m in sys.modules])"
    )
    found = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert found.stdout.split() == ["[]", "False", "[]"]


def test_the_wheel_holds_the_manifest_the_type_marker_and_the_starter(tmp_path: Path):
    root = Path(__file__).parents[1]
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
    (path,) = tmp_path.glob("*.whl")
    with ZipFile(path) as wheel:
        assert "napari_stem/py.typed" in wheel.namelist()
        assert "napari_stem/checkpoints/starter.safetensors" in wheel.namelist()
        packed = yaml.safe_load(wheel.read("napari_stem/napari.yaml"))
    installed = PluginManifest.from_distribution("napari-stem")
    assert PluginManifest(**packed).contributions == installed.contributions
