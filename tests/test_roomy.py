"""Arrays that are larger than memory hold what they are given and leave nothing behind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_stem.errors import StorageError
from napari_stem.roomy import joined, roomy


@pytest.fixture
def little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("napari_stem.roomy.IN_MEMORY", 1000)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_large_arrays_are_joined_in_a_file_that_vanishes(
    axis: int, little_memory: None, tmp_path: Path
):
    parts = [np.random.default_rng(n).random((9, 3, 40), np.float32) for n in range(3)]
    whole = joined(parts, axis, tmp_path)
    assert isinstance(whole.base, np.memmap)
    np.testing.assert_array_equal(whole, np.concatenate(parts, axis))
    assert not list(tmp_path.iterdir())


def test_a_disk_that_takes_no_array_is_said(little_memory: None, tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(StorageError):
        roomy((1000,), tmp_path / "file")


def test_a_disk_without_room_is_said_before_anything_is_written(tmp_path: Path):
    with pytest.raises(StorageError):
        roomy((1 << 42,), tmp_path)
    assert not list(tmp_path.iterdir())
