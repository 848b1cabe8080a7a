"""Programs are killed and disks fill up: a rerun ends as if nothing had happened."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
from ome_zarr.format import FormatV05
from PIL import Image

import napari_stem as stem
from napari_stem.io import read_spots
from napari_stem.sections.section import Section
from napari_stem.training.train import TrainResult

from .slides.slide_writers import write_ome_zarr

SUFFIXES = (".h5ad", ".csv", ".geojson")
SHORT = ("--draws", "20", "--sampler-steps", "40", "--device", "cpu")
Start = Callable[[Path], subprocess.Popen[str]]


def start(*arguments: object) -> subprocess.Popen[str]:
    """The command, in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "napari_stem", *map(str, arguments)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def finish(process: subprocess.Popen[str]) -> float:
    """Wait for a good end; seconds that it took."""
    began = time.monotonic()
    told, _ = process.communicate(timeout=500)
    assert process.returncode == 0, told
    return time.monotonic() - began


def refused(process: subprocess.Popen[str]) -> str:
    """Wait for an end that says in one line what cannot be had."""
    told, _ = process.communicate(timeout=500)
    assert process.returncode == 1, told
    assert "Traceback" not in told
    return told.strip().splitlines()[-1]


def values(folder: Path) -> np.ndarray:
    return np.asarray(read_spots(folder / "p.h5ad").X)


@pytest.fixture(scope="module")
def predicting(saved: list[Path], trained: TrainResult) -> Callable[..., subprocess.Popen[str]]:
    """Starts a prediction that writes into a folder and keeps its cache there, or elsewhere."""

    def begin(folder: Path, cache: Path | None = None) -> subprocess.Popen[str]:
        named = [part for suffix in SUFFIXES for part in ("-o", folder / f"p{suffix}")]
        cache = cache or folder / "cache"
        return start("predict", saved[2], trained.path, *named, "--cache", cache, *SHORT)

    return begin


@pytest.fixture(scope="module")
def undisturbed(predicting: Start, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    folder = tmp_path_factory.mktemp("undisturbed")
    return folder, finish(predicting(folder))


@pytest.fixture(scope="module")
def training(saved: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Start:
    """Starts a short training in a run folder."""
    cache = tmp_path_factory.mktemp("cache")

    def begin(folder: Path) -> subprocess.Popen[str]:
        return start(
            "train", saved[0], "--run", folder, "--genes", 5, "--steps", 300, "--device", "cpu",
            "--cache", cache,
        )  # fmt: skip

    return begin


@pytest.fixture(scope="module")
def trained_undisturbed(training: Start, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The fingerprint of what that training ends in."""
    folder = tmp_path_factory.mktemp("undisturbed") / "run"
    finish(training(folder))
    return stem.load_checkpoint(folder / "checkpoint.safetensors").fingerprint


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


@pytest.mark.thorough
@pytest.mark.timeout(0)
def test_programs_that_share_a_cache_agree(
    predicting: Callable[..., subprocess.Popen[str]],
    undisturbed: tuple[Path, float],
    times: int,
    tmp_path: Path,
):
    for attempt in range(times):
        cache = tmp_path / f"cache-{attempt}"
        folders = [tmp_path / f"{attempt}-{number}" for number in range(2 + 2 * (attempt % 2))]
        for folder in folders:
            folder.mkdir()
        for process in [predicting(folder, cache) for folder in folders]:
            finish(process)
        for folder in folders:
            np.testing.assert_array_equal(values(folder), values(undisturbed[0]))


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mounts a file system in memory with some options, or mounts it again with others."""
    if os.name != "posix" or os.geteuid() != 0:
        pytest.skip("mounting a disk needs root")
    mount = tmp_path / "disk"

    def mounted(options: str) -> Path:
        again = mount.exists()
        mount.mkdir(exist_ok=True)
        wanted = f"remount,{options}" if again else options
        command = ["mount", "-t", "tmpfs", "-o", wanted, "tmpfs", str(mount)]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("this machine mounts no tmpfs")
        return mount

    yield mounted
    if mount.exists():
        subprocess.run(["umount", str(mount)], check=False)


@pytest.mark.thorough
@pytest.mark.timeout(0)
@pytest.mark.parametrize("options", ["size=48k", "ro"])
def test_a_cache_that_cannot_be_written_is_one_line_and_later_goes_on(
    options: str,
    predicting: Callable[..., subprocess.Popen[str]],
    undisturbed: tuple[Path, float],
    disk: Callable[[str], Path],
    tmp_path: Path,
):
    cache = disk(options)
    process = predicting(tmp_path, cache)
    assert refused(process).startswith("StorageError: The file could not be written:")
    disk("size=64m,rw")
    finish(predicting(tmp_path, cache))
    np.testing.assert_array_equal(values(tmp_path), values(undisturbed[0]))


@pytest.mark.thorough
@pytest.mark.timeout(0)
@pytest.mark.parametrize("options", ["size=16k", "ro"])
def test_results_that_cannot_be_written_are_one_line_and_no_work_is_lost(
    options: str,
    predicting: Callable[..., subprocess.Popen[str]],
    undisturbed: tuple[Path, float],
    disk: Callable[[str], Path],
    tmp_path: Path,
):
    folder, cache = disk(options), tmp_path / "cache"
    assert refused(predicting(folder, cache)).startswith("StorageError: The file could not be")
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]
    disk("size=64m,rw")
    finish(predicting(folder, cache))
    np.testing.assert_array_equal(values(folder), values(undisturbed[0]))


@pytest.mark.thorough
@pytest.mark.timeout(0)
def test_a_training_whose_disk_is_full_goes_on_where_there_is_room(
    training: Start, trained_undisturbed: str, disk: Callable[[str], Path]
):
    folder = disk("size=48k") / "run"
    assert refused(training(folder)).startswith("StorageError: The file could not be written:")
    disk("size=64m")
    finish(training(folder))
    found = stem.load_checkpoint(folder / "checkpoint.safetensors")
    assert found.fingerprint == trained_undisturbed


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    """Wait until a program makes a folder, or ends."""
    while not path.is_dir() and process.poll() is None:
        time.sleep(0.05)


@pytest.mark.thorough
@pytest.mark.timeout(0)
def test_a_cache_that_is_removed_midway_costs_only_what_was_in_it(
    predicting: Callable[..., subprocess.Popen[str]],
    undisturbed: tuple[Path, float],
    times: int,
    tmp_path: Path,
):
    for attempt in range(times):
        folder, cache = tmp_path / str(attempt), tmp_path / f"cache-{attempt}"
        folder.mkdir()
        process = predicting(folder, cache)
        wait_for(cache / "draws", process)
        time.sleep(random.uniform(0, 0.3 * undisturbed[1]))
        shutil.rmtree(cache, ignore_errors=True)
        told, _ = process.communicate(timeout=500)
        assert "Traceback" not in told
        if process.returncode:
            assert told.strip().splitlines()[-1].startswith("StorageError"), told
            finish(predicting(folder, cache))
        np.testing.assert_array_equal(values(folder), values(undisturbed[0]))


@pytest.mark.thorough
@pytest.mark.timeout(0)
def test_a_run_folder_that_is_removed_midway_is_made_again(
    training: Start, trained_undisturbed: str, tmp_path: Path
):
    folder = tmp_path / "run"
    process = training(folder)
    wait_for(folder, process)
    folder.rename(tmp_path / "removed")  # at once, while the program may write into it
    told, _ = process.communicate(timeout=500)
    assert "Traceback" not in told
    if process.returncode:
        finish(training(folder))
    found = stem.load_checkpoint(folder / "checkpoint.safetensors")
    assert found.fingerprint == trained_undisturbed


def hangs(slide: Path) -> int:
    """Replace a chunk by a pipe that nobody writes to; returns its end when it is being read."""
    chunk = slide / "s0" / "c" / "0" / "9" / "9"  # in the middle
    chunk.unlink()
    os.mkfifo(chunk)
    for _ in range(3000):
        with suppress(OSError):  # nobody reads it yet
            return os.open(chunk, os.O_WRONLY | os.O_NONBLOCK)
        time.sleep(0.1)
    raise AssertionError("the chunk was not read")


@pytest.mark.thorough
@pytest.mark.timeout(0)
@pytest.mark.skipif(os.name != "posix", reason="needs pipes with names")
def test_ctrl_c_ends_a_program_that_waits_for_a_drive(
    sections: list[Section], trained: TrainResult, tmp_path: Path
):
    slide = tmp_path / "slide.ome.zarr"
    write_ome_zarr(slide, np.asarray(sections[2].slide.levels[0]), FormatV05())
    process = start("predict", slide, trained.path, "-o", tmp_path / "p.h5ad", *SHORT)
    pipe = hangs(slide)
    time.sleep(3)  # all that can be read has been
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    told, _ = process.communicate(timeout=500)
    os.close(pipe)
    assert process.returncode == 130, told
    assert time.monotonic() - began < 10  # a busy machine
    assert "Traceback" not in told
