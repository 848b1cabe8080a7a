"""Folders of user data, and atomic writing of files."""

from __future__ import annotations

import hashlib
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import platformdirs

from napari_stem.errors import StemError, StorageError, WrongType
from napari_stem.text import one_line

CACHE_VARIABLE = "NAPARI_STEM_CACHE"
_SHORT = 20  # characters, of up to four bytes each
_PIECE, _PIECES = 1 << 20, 32  # up to 32 MB, the pieces are the whole file


def as_path(value: str | Path, what: str) -> Path:
    """A path.

    Raises
    ------
    WrongType
        The argument `path`, which is to be the path of `what`, is something else.
    """
    if isinstance(value, str | Path):
        return Path(value)
    raise WrongType.of("path", value, f"the path of {what}")


def cache_dir() -> Path:
    """Folder for cached results; NAPARI_STEM_CACHE overrides the user's default."""
    return Path(os.environ.get(CACHE_VARIABLE) or platformdirs.user_cache_path("napari-stem"))


def checkpoints_dir() -> Path:
    """Folder whose checkpoints the plugin lists."""
    return platformdirs.user_data_path("napari-stem") / "checkpoints"


def runs_dir() -> Path:
    """Folder of training runs, unless another one is chosen."""
    return platformdirs.user_data_path("napari-stem") / "runs"


def sessions_dir() -> Path:
    """Folder of the sessions that windows save by themselves."""
    return platformdirs.user_data_path("napari-stem") / "sessions"


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn a failed write to `path` into a `StorageError`; a `StemError` passes unchanged."""
    try:
        yield
    except StemError:
        raise
    except OSError as error:
        reason = error.strerror or one_line(error)
        raise StorageError(
            f"The file could not be written: {reason}. Free disk space or "
            f"choose another folder, then try again. Path: '{path}'."
        ) from error


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Write a file or a folder under a temporary name, and rename it when it is complete.

    Yields
    ------
    A temporary path in the same folder. On success it replaces `path` (a folder replaces only a
    folder); on failure it is removed, and `path` stays as it was.

    Raises
    ------
    StorageError
        The disk is full, the folder is read-only, or the like.
    """
    path = Path(path)
    draft = _beside(path)
    try:
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            yield draft
            if path.is_dir():
                _replace_folder(path, draft)
            else:
                draft.replace(path)
    finally:
        _remove(draft)


def check_writable(path: Path) -> None:
    """Check before long work that a file or a folder can be written at a path.

    Raises
    ------
    StorageError
        Its folder cannot be made or is read-only.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = _beside(path)
        draft.touch()
        draft.unlink()


def content_of(path: Path) -> str:
    """A digest of a file's size and content; of large files, of pieces throughout.

    It tells files apart whatever they are called and whenever they were written.
    """
    size = path.stat().st_size
    digest = hashlib.blake2b(repr(size).encode(), digest_size=16)
    last = max(0, size - _PIECE)
    with path.open("rb") as stream:
        for start in sorted({last * number // (_PIECES - 1) for number in range(_PIECES)}):
            stream.seek(start)
            digest.update(stream.read(_PIECE))
    return digest.hexdigest()


def _beside(path: Path) -> Path:
    """A temporary name, which is short enough wherever the path's own is."""
    return path.with_name(f".{path.stem[:_SHORT]}-{uuid.uuid4().hex[:8]}{path.suffix[:_SHORT]}")


def _replace_folder(path: Path, draft: Path) -> None:
    if not draft.is_dir():
        raise StorageError(
            "A folder has this name, so it was not overwritten. Choose a file name. Folder: "
            f"'{path}'."
        )
    old = _beside(path)
    path.rename(old)
    try:
        draft.rename(path)
    except OSError:
        old.rename(path)
        raise
    _remove(old)


def _remove(path: Path) -> None:
    """Delete a file, a folder or a link to one, as far as it is there and can be deleted."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()
