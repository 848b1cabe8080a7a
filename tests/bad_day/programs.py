"""Commands in processes of their own, and how they end."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from napari_stem.io import read_spots

SUFFIXES = (".h5ad", ".csv", ".geojson")
SHORT = ("--draws", "20", "--sampler-steps", "40", "--device", "cpu")
Start = Callable[..., subprocess.Popen[str]]


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
