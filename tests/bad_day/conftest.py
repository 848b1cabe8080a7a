"""A prediction and a training to be disturbed, and what they end in undisturbed."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

import napari_stem as stem
from napari_stem.training.train import TrainResult

from .programs import SHORT, SUFFIXES, Start, finish, start


@pytest.fixture(scope="session")
def predicting(saved: list[Path], trained: TrainResult) -> Start:
    """Starts a prediction that writes into a folder and keeps its cache there, or elsewhere."""

    def begin(folder: Path, cache: Path | None = None) -> subprocess.Popen[str]:
        named = [part for suffix in SUFFIXES for part in ("-o", folder / f"p{suffix}")]
        cache = cache or folder / "cache"
        return start("predict", saved[2], trained.path, *named, "--cache", cache, *SHORT)

    return begin


@pytest.fixture(scope="session")
def undisturbed(predicting: Start, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    folder = tmp_path_factory.mktemp("undisturbed")
    return folder, finish(predicting(folder))


@pytest.fixture(scope="session")
def training(saved: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Start:
    """Starts a short training in a run folder."""
    cache = tmp_path_factory.mktemp("cache")

    def begin(folder: Path) -> subprocess.Popen[str]:
        return start(
            "train", saved[0], "--run", folder, "--genes", 5, "--steps", 300, "--device", "cpu",
            "--cache", cache,
        )  # fmt: skip

    return begin


@pytest.fixture(scope="session")
def trained_undisturbed(training: Start, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The fingerprint of what that training ends in."""
    folder = tmp_path_factory.mktemp("undisturbed") / "run"
    finish(training(folder))
    return stem.load_checkpoint(folder / "checkpoint.safetensors").fingerprint
