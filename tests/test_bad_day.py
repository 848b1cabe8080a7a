"""Programs are killed and disks fill up: a rerun ends as if nothing had happened."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import napari_stem as stem
from napari_stem.io import read_spots
from napari_stem.training.train import TrainResult

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
    saved: list[Path], times: int, tmp_path: Path
):
    def begin(folder: Path) -> subprocess.Popen[str]:
        return start(
            "train", saved[0], "--run", folder, "--genes", 5, "--steps", 300, "--device", "cpu",
            "--cache", tmp_path / "cache",
        )  # fmt: skip

    seconds = finish(begin(tmp_path / "right"))
    right = stem.load_checkpoint(tmp_path / "right" / "checkpoint.safetensors")
    for attempt in range(times):
        folder = tmp_path / str(attempt)
        process = begin(folder)
        time.sleep(random.uniform(0, 1.1 * seconds))
        process.kill()
        process.communicate()
        finish(begin(folder))
        found = stem.load_checkpoint(folder / "checkpoint.safetensors")
        assert found.fingerprint == right.fingerprint


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
    told, _ = process.communicate(timeout=500)
    assert process.returncode == 1
    last = told.strip().splitlines()[-1]
    assert last.startswith("StorageError: The file could not be written:"), told
    assert "Traceback" not in told
    disk("size=64m,rw")
    finish(predicting(tmp_path, cache))
    np.testing.assert_array_equal(values(tmp_path), values(undisturbed[0]))
