"""Folders of autosaved sessions: each belongs to a window that is open, or was left by a crash."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from qtpy.QtCore import QLockFile

from napari_stem._napari.keeping.session_folder import INDEX
from napari_stem.storage import sessions_dir, writing


@dataclass(frozen=True, slots=True, eq=False)
class Claim:
    """A folder that no other window uses, until it is let go or removed, or napari ends."""

    path: Path
    lock: QLockFile

    def let_go(self) -> None:
        """Leave the folder to other windows."""
        self.lock.unlock()

    def remove(self) -> None:
        """Remove the folder, as far as it can be removed."""
        shutil.rmtree(self.path, ignore_errors=True)
        self.lock.unlock()


def claim_new() -> Claim:
    """An empty folder.

    Raises
    ------
    StorageError
        It cannot be made.
    """
    path = sessions_dir() / uuid4().hex
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        claim = claim_of(path)
        path.mkdir()
    assert claim is not None  # its name is new
    return claim


def claim_of(path: Path) -> Claim | None:
    """A folder that was left behind; None if a window uses it."""
    lock = QLockFile(str(path.with_suffix(".lock")))
    lock.setStaleLockTime(0)  # a lock ends with its process alone
    return Claim(path, lock) if lock.tryLock(0) else None


def left_behind() -> list[Path]:
    """Folders of sessions whose windows ended in a crash, the latest first."""
    found = []
    for folder in sessions_dir().glob("*/"):
        if (claim := claim_of(folder)) is None:
            continue
        if (folder / INDEX).is_file():
            found.append(folder)
            claim.let_go()
        else:
            claim.remove()  # it ended before the first session was whole
    return sorted(found, key=lambda folder: (folder / INDEX).stat().st_mtime, reverse=True)
