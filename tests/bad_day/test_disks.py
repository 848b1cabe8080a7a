"""Disks fill up, forbid writing, lose folders and hang: work that was done stays."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from ome_zarr.format import FormatV05

import napari_stem as stem
from napari_stem.sections.section import Section
from napari_stem.training.train import TrainResult

from ..slides.slide_writers import write_ome_zarr
from .programs import SHORT, Start, finish, refused, start, values


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
    predicting: Start,
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
    predicting: Start,
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
    predicting: Start,
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
