"""Files are whole or not there."""

from __future__ import annotations

import errno
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from anndata import AnnData

from napari_stem.errors import SlideNotFound, StorageError
from napari_stem.exports.h5ad import write_h5ad
from napari_stem.storage import CACHE_VARIABLE, atomic_path, cache_dir


def test_a_finished_draft_replaces_what_stood_there(tmp_path: Path):
    target = tmp_path / "deep" / "result.txt"
    for text in ("first", "second"):
        with atomic_path(target) as draft:
            draft.write_text(text)
    assert target.read_text() == "second"
    assert [p.name for p in target.parent.iterdir()] == ["result.txt"]


def test_a_failure_leaves_the_old_file_and_no_draft(tmp_path: Path):
    target = tmp_path / "result.txt"
    target.write_text("old")
    with pytest.raises(UnicodeEncodeError), atomic_path(target) as draft:
        draft.write_bytes(b"half" + "\udcff".encode("ascii"))
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_folder_is_replaced_whole(tmp_path: Path):
    target = tmp_path / "store.zarr"
    for name in ("a", "b"):
        with atomic_path(target) as draft:
            draft.mkdir()
            (draft / name).touch()
    assert [p.name for p in target.iterdir()] == ["b"]
    assert list(tmp_path.iterdir()) == [target]


def test_a_file_never_replaces_a_folder(tmp_path: Path):
    target = tmp_path / "results"
    target.mkdir()
    (target / "months of work").touch()
    with pytest.raises(StorageError, match="A folder has this name"), atomic_path(target) as draft:
        draft.touch()
    assert [p.name for p in target.iterdir()] == ["months of work"]
    assert list(tmp_path.iterdir()) == [target]


def test_a_folder_that_cannot_move_to_its_place_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    target = tmp_path / "store.zarr"
    target.mkdir()
    (target / "old").touch()
    move = os.rename

    def refuse_new(source: Path, place: Path) -> None:  # as a disk that is full just then
        if (source / "new").exists():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        move(source, place)

    for name in ("rename", "replace"):
        monkeypatch.setattr(Path, name, refuse_new)
    with pytest.raises(StorageError, match="No space left"), atomic_path(target) as draft:
        (draft / "new").mkdir(parents=True)
    assert [p.name for p in target.iterdir()] == ["old"]
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.skipif(os.name != "posix", reason="links need rights on Windows")
def test_a_link_to_a_folder_is_replaced_and_the_folder_stays(tmp_path: Path):
    folder, link = tmp_path / "elsewhere", tmp_path / "store.zarr"
    folder.mkdir()
    (folder / "old").touch()
    link.symlink_to(folder)
    with atomic_path(link) as draft:
        draft.mkdir()
    assert list(link.iterdir()) == []
    assert [p.name for p in folder.iterdir()] == ["old"]
    assert sorted(tmp_path.iterdir()) == [folder, link]


@pytest.fixture
def small_disk(tmp_path: Path):
    """A file system of 256 kB."""
    if os.name != "posix" or os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    mount = tmp_path / "disk"
    mount.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(mount)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("this machine mounts no tmpfs")
    yield mount
    subprocess.run(["umount", str(mount)], check=True)


def test_a_full_disk_is_a_storage_error_and_loses_nothing(small_disk: Path):
    target = small_disk / "result.bin"
    target.write_bytes(b"old")
    message = r"No space left.*Free disk space.*result.bin"
    with pytest.raises(StorageError, match=message), atomic_path(target) as draft:
        draft.write_bytes(bytes(1_000_000))
    assert target.read_bytes() == b"old"
    assert [p.name for p in small_disk.iterdir()] == ["result.bin"]


def test_a_full_disk_is_told_once_by_hdf5_too(small_disk: Path, capfd: pytest.CaptureFixture):
    table = AnnData(np.random.default_rng(0).normal(size=(2000, 100)).astype(np.float32))
    with pytest.raises(StorageError, match=r"could not be written: No space left on device\. Free"):
        write_h5ad(table, small_disk / "a.h5ad")
    assert capfd.readouterr().err == ""
    assert not list(small_disk.iterdir())


@pytest.mark.parametrize("name", ["x" * 250 + ".csv", "\N{GRINNING FACE}" * 62 + ".csv"])
def test_the_longest_names_can_be_written(name: str, tmp_path: Path):
    with atomic_path(tmp_path / name) as draft:
        draft.touch()
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_what_is_wrong_with_the_source_is_not_said_of_the_target(tmp_path: Path):
    with pytest.raises(SlideNotFound), atomic_path(tmp_path / "result.txt"):
        raise SlideNotFound("There is no slide at 'biopsy.svs'.")


def test_the_cache_folder_can_be_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    assert cache_dir() == tmp_path
