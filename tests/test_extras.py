"""What is said of dependencies that are missing or cannot be imported."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from napari_stem.extras import repair_of


def test_a_broken_dependency_is_named_with_how_to_install_it_again(tmp_path: Path):
    (tmp_path / "pooch").mkdir()
    (tmp_path / "pooch" / "__init__.py").write_text("from pooch.core import retrieve")
    done = subprocess.run(
        [sys.executable, "-m", "napari_stem", "info", "generated:1"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "The package 'pooch' cannot be imported (No module named 'pooch.core')" in done.stderr
    assert "pip install --force-reinstall --no-deps pooch" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("name", [None, "napari_stem.nothing"])
def test_what_is_no_dependencys_fault_is_left_to_its_traceback(name: str | None):
    assert repair_of(ImportError("cannot import", name=name)) == ""


def test_the_distribution_is_named_where_it_differs_from_the_package():
    error = ImportError("DLL load failed", name="skimage._shared.geometry")
    assert repair_of(error).endswith("--no-deps scikit-image")
