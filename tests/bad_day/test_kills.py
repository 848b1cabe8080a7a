"""Programs are killed at any moment: a rerun ends as if nothing had happened."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
from PIL import Image

import napari_stem as stem
from napari_stem.io import read_spots

from .programs import SUFFIXES, Start, finish, values


@pytest.mark.thorough
@pytest.mark.timeout(0)
def test_a_prediction_killed_at_any_moment_goes_on_as_if_undisturbed(
    predicting: Start, undisturbed: tuple[Path, float], times: int, tmp_path: Path
):
    right, seconds = undisturbed
    for attempt in range(times):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        process = predicting(folder)
        time.sleep(random.uniform(0, 1.1 * seconds))
        process.kill()
        process.communicate()
        whole = [folder / f"p{suffix}" for suffix in SUFFIXES if (folder / f"p{suffix}").exists()]
        for path in whole:  # an output is there and whole, or not there
            assert path.stat().st_size == (right / path.name).stat().st_size
        finish(predicting(folder))
        np.testing.assert_array_equal(values(folder), values(right))


@pytest.mark.thorough
@pytest.mark.timeout(0)
def test_a_training_killed_at_any_moment_goes_on_as_if_undisturbed(
    training: Start, trained_undisturbed: str, times: int, tmp_path: Path
):
    seconds = finish(training(tmp_path / "timed"))
    for attempt in range(times):
        folder = tmp_path / str(attempt)
        process = training(folder)
        time.sleep(random.uniform(0, 1.1 * seconds))
        process.kill()
        process.communicate()
        finish(training(folder))
        found = stem.load_checkpoint(folder / "checkpoint.safetensors")
        assert found.fingerprint == trained_undisturbed


EXPORTING = """
import sys
from pathlib import Path
import napari_stem as stem

prediction = stem.read_prediction(sys.argv[1])
print("begins", flush=True)
while True:
    for suffix in sys.argv[3:]:
        stem.write_prediction(prediction, Path(sys.argv[2], f"a{suffix}"))
"""
WHOLE: dict[str, Callable[[Path], object]] = {
    ".h5ad": read_spots, ".zarr": read_spots, ".csv": pd.read_csv, ".parquet": pd.read_parquet,
    ".geojson": lambda path: json.loads(path.read_text()), ".ome.tif": tifffile.imread,
    ".png": lambda path: Image.open(path).load(), ".html": lambda path: path.read_text(),
}  # fmt: skip


@pytest.mark.thorough
@pytest.mark.timeout(0)
@pytest.mark.filterwarnings("ignore:zarr v3 autosharding:UserWarning")  # anndata's, of its future
def test_an_export_killed_at_any_moment_is_whole_or_not_there(
    undisturbed: tuple[Path, float], times: int, tmp_path: Path
):
    source = undisturbed[0] / "p.h5ad"
    right = {suffix: tmp_path / f"right{suffix}" for suffix in WHOLE}
    for path in right.values():
        stem.write_prediction(stem.read_prediction(source), path)
    for attempt in range(times):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        command = [sys.executable, "-c", EXPORTING, str(source), str(folder), *WHOLE]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(random.uniform(0, 8))
        process.kill()
        process.communicate()
        for suffix, read in WHOLE.items():
            path = folder / f"a{suffix}"
            if path.exists():
                read(path)
                if path.is_file() and suffix != ".html":
                    assert path.stat().st_size == right[suffix].stat().st_size
            stem.write_prediction(stem.read_prediction(source), path)
            read(path)
