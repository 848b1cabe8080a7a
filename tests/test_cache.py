"""What a cache holds, and its limit."""

from __future__ import annotations

import os
import time

import pytest

from napari_stem.cache import LIMIT_GB, clear, entries, limit_gb, mark_used, set_limit_gb, trim
from napari_stem.errors import OptionError

SIZE = 100_000_000  # of a sparse file, which takes no place on the disk
HOUR = 3600


@pytest.fixture
def cache(tmp_path):
    """Three results, of 100 MB each, used 4, 3 and 2 hours ago."""
    for age, (kind, name) in zip(
        (4, 3, 2), (("draws", "a.zarr"), ("embeddings", "b.zarr"), ("draws", "c.zarr")), strict=True
    ):
        _write(tmp_path / kind / name, hours=age)
    return tmp_path


def _write(folder, *, hours):
    (folder / "c").mkdir(parents=True)
    _fill(folder / "c" / "0")
    then = time.time() - hours * HOUR
    for path in (folder / "c" / "0", folder / "c", folder):
        os.utime(path, (then, then))


def _fill(path):
    path.touch()
    os.truncate(path, SIZE)


def names(cache):
    return [entry.path.name for entry in entries(cache)]


def test_entries_are_listed_with_their_sizes_by_last_use(cache):
    assert [(entry.kind, entry.size) for entry in entries(cache)] == [
        ("draws", SIZE), ("embeddings", SIZE), ("draws", SIZE),
    ]  # fmt: skip
    mark_used(cache / "draws" / "a.zarr")
    assert names(cache) == ["b.zarr", "c.zarr", "a.zarr"]
    assert entries(cache / "nowhere") == []


def test_the_least_recently_used_go_when_the_limit_is_passed(cache):
    set_limit_gb(cache, 2.5 * SIZE / 1e9)
    assert trim(cache) == SIZE
    assert names(cache) == ["b.zarr", "c.zarr"]
    assert trim(cache) == 0


def test_what_may_be_in_use_and_downloads_stay(cache):
    _write(cache / "her2st" / "C2", hours=9)
    mark_used(cache / "embeddings" / "b.zarr")
    set_limit_gb(cache, 0.1 * SIZE / 1e9)
    trim(cache)
    assert names(cache) == ["C2", "b.zarr"]


def test_what_a_wrong_clock_dated_in_the_future_is_not_in_use_for_ever(cache):
    _write(cache / "draws" / "d.zarr", hours=-100)
    _write(cache / "draws" / "e.zarr", hours=0)
    set_limit_gb(cache, 0.1 * SIZE / 1e9)
    trim(cache)
    assert names(cache) == ["e.zarr"]


def test_a_file_written_lately_tells_that_its_entry_is_in_use(cache):
    _fill(cache / "draws" / "a.zarr" / "c" / "1")
    set_limit_gb(cache, 0.1 * SIZE / 1e9)
    trim(cache)
    assert names(cache) == ["a.zarr"]


def test_drafts_that_a_killed_process_left_are_removed_as_well(cache):
    _write(cache / "draws" / ".d-0123.zarr", hours=5)
    set_limit_gb(cache, 3 * SIZE / 1e9)
    trim(cache)
    assert names(cache) == ["a.zarr", "b.zarr", "c.zarr"]


def test_clearing_removes_what_can_be_computed_again_or_some_kinds(cache):
    _write(cache / "her2st" / "C2", hours=9)
    assert clear(cache, ["embeddings"]) == SIZE
    assert names(cache) == ["C2", "a.zarr", "c.zarr"]
    assert clear(cache) == 2 * SIZE
    assert names(cache) == ["C2"]


def test_the_limit_lies_in_the_cache(cache):
    assert limit_gb(cache) == LIMIT_GB
    set_limit_gb(cache, 3)
    assert limit_gb(cache) == 3
    for damaged in ("", "[]", '{"limit_gb": null}'):
        (cache / "cache.json").write_text(damaged)
        assert limit_gb(cache) == LIMIT_GB


@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf")])
def test_an_impossible_limit_is_refused(cache, value):
    with pytest.raises(OptionError, match=r"must be between 0\.01 and 100,000 GB"):
        set_limit_gb(cache, value)
