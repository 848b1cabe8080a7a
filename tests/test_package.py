"""The package as a whole: what it offers, what it loads, what it ships."""

from __future__ import annotations

import inspect
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

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


def test_importing_the_package_loads_nothing_heavy():
    script = f"import napari_stem, sys; print([m for m in {HEAVY!r} if m in sys.modules])"
    found = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"


def test_slides_spots_and_encoders_are_looked_at_without_torch():
    names = "StemError, stem.open_slide, stem.read_spots, stem.make_grid, stem.encoders"
    script = f"import napari_stem as stem, sys; stem.{names}; print('torch' in sys.modules)"
    found = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "False"


def test_predicting_never_loads_lightning_fabric():
    script = (
        "import napari_stem.checkpoints.checkpoint, napari_stem.prediction.sampling, sys;"
        "import napari_stem.prediction.predict;"
        "print('lightning_fabric' in sys.modules)"
    )
    found = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "False"


@pytest.mark.slow
def test_the_wheel_holds_the_manifest_and_the_type_marker(tmp_path: Path):
    root = Path(__file__).parents[1]
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--no-deps", "--quiet", "-w", tmp_path, root],
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    site = tmp_path / "site"
    subprocess.run(
        [sys.executable, "-m", "zipfile", "-e", wheel, site], check=True, capture_output=True
    )
    assert (site / "napari_stem" / "py.typed").exists()
    manifest = site / "napari_stem" / "napari.yaml"
    subprocess.run(
        [sys.executable, "-m", "npe2", "validate", manifest], check=True, capture_output=True
    )
