"""Folders and archives of zarr whose chunks may not vanish, and a check that none is lost.

zarr reads a chunk that is not stored as its fill value, mostly black. That is right for empty
regions, which many writers leave out, and wrong for an incomplete copy or a share that went away.
"""

from __future__ import annotations

import math
import os
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from zarr.storage import LocalStore, WrapperStore, ZipStore

from napari_stem.errors import Hint, Remedy, SlideUnreadable
from napari_stem.text import counted

if TYPE_CHECKING:
    from zarr.abc.store import ByteRequest, Store
    from zarr.core.buffer import Buffer, BufferPrototype

_MOST_CHUNKS = 10_000_000  # of a level
_ZIP = b"PK\x03\x04"


class SteadyStore(WrapperStore["Store"]):
    """A store in which a key that was there when it was opened cannot be missing later."""

    def __init__(self, store: Store, keys: frozenset[str] = frozenset()) -> None:
        super().__init__(store)
        self.keys = keys

    @classmethod
    def at(cls, path: Path) -> Self:
        """The store of a folder or of a zip archive, for reading."""
        if path.is_dir():
            found = (Path(folder, name) for folder, _, names in os.walk(path) for name in names)
            keys = frozenset(file.relative_to(path).as_posix() for file in found)
            return cls(LocalStore(path, read_only=True), keys)
        with zipfile.ZipFile(path) as archive:
            names = frozenset(archive.namelist())
        return cls(ZipStore(path, mode="r"), names)

    def below(self, folder: str) -> list[str]:
        """The files below a folder, in order."""
        within = f"{folder}/" if folder else ""
        return sorted(key for key in self.keys if key.startswith(within))

    def _with_store(self, store: Store) -> Self:
        return type(self)(store, self.keys)

    async def get(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        """The content of a key; an error if it has vanished."""
        found = await super().get(key, prototype, byte_range)
        if found is None and key in self.keys:
            raise FileNotFoundError(f"'{key}' was there when the slide was opened")
        return found


def is_zip(start: bytes) -> bool:
    """Whether a file that starts so is a zip archive."""
    return start.startswith(_ZIP)


@dataclass(frozen=True, slots=True)
class _Window:
    """A rectangle of an array, in its own pixels."""

    top: int
    bottom: int
    left: int
    right: int

    def scaled(self, y: float, x: float, border: int) -> _Window:
        """The same place in another level, without a border that mixes with its neighbours."""
        return _Window(
            int(np.ceil(self.top * y)) + border, int(self.bottom * y) - border,
            int(np.ceil(self.left * x)) + border, int(self.right * x) - border,
        )  # fmt: skip

    def is_empty(self) -> bool:
        return self.top >= self.bottom or self.left >= self.right


class _Stored:
    """One level: which of its chunks are stored, and whether a place of it holds anything."""

    def __init__(self, array: Any, axes: str, keys: frozenset[str]) -> None:
        self.array = array
        self._axes = axes
        self._steps = array.shards or array.chunks
        grid = [-(-side // step) for side, step in zip(array.shape, self._steps, strict=True)]
        if (total := math.prod(grid)) > _MOST_CHUNKS:
            raise SlideUnreadable(
                f"Its metadata state {total:,} chunks of a level; at most {_MOST_CHUNKS:,} can be "
                "read. The file is damaged, or its chunks are too small."
            )
        prefix = f"{array.path}/" if array.path else ""
        places = product(*map(range, grid))
        self.total = total
        self.missing = [
            place for place in places if prefix + array.metadata.encode_chunk_key(place) not in keys
        ]
        self._missing = set(self.missing)

    def sides(self) -> tuple[int, int]:
        """Height and width."""
        height, width = (self.array.shape[self._axes.index(axis)] for axis in "YX")
        return height, width

    def windows(self) -> Iterator[_Window]:
        """Where its missing chunks lie."""
        (y, tall), (x, wide) = (
            (self._axes.index(axis), self._steps[self._axes.index(axis)]) for axis in "YX"
        )
        height, width = self.sides()
        for place in self.missing:
            top, left = place[y] * tall, place[x] * wide
            yield _Window(top, min(top + tall, height), left, min(left + wide, width))

    def knows(self, window: _Window) -> bool:
        """Whether all chunks of a place are stored."""
        spans = {"Y": (window.top, window.bottom), "X": (window.left, window.right)}
        ranges = []
        for axis, step, side in zip(self._axes, self._steps, self.array.shape, strict=True):
            first, end = spans.get(axis, (0, side))
            ranges.append(range(first // step, -(-end // step)))
        return self._missing.isdisjoint(product(*ranges))

    def holds_anything(self, window: _Window) -> bool:
        """Whether a place differs from the fill value."""
        spans = {"Y": slice(window.top, window.bottom), "X": slice(window.left, window.right)}
        pixels = self.array[tuple(spans.get(axis, slice(None)) for axis in self._axes)]
        return bool((pixels != (self.array.fill_value or 0)).any())


def complete_levels(
    arrays: Sequence[Any], axes: str, keys: frozenset[str], path: Path, *, sparse: bool
) -> tuple[list[Any], tuple[str, ...]]:
    """The levels that can be read without loss, and what is to be told about the others.

    Parameters
    ----------
    keys
        What is stored.
    sparse
        Whether chunks that no other level tells of are empty on purpose.

    Raises
    ------
    SlideUnreadable
        Chunks of level 0 are lost, or may be.
    """
    stored = [_Stored(array, axes, keys) for array in arrays]
    kept, notes = [stored[0]], list[str]()
    if doubtful := _check_first(stored, path, sparse):
        empty = counted(doubtful, "chunk")
        notes.append(f"{empty} of the finest level not stored; shown empty, as you confirmed.")
    for number, level in enumerate(stored[1:], start=1):
        lost = sum(_is_held_by(kept[-1], level, window) for window in level.windows())
        if lost:
            notes.append(
                f"Level {number} lacks {counted(lost, 'chunk')} of {level.total:,}; it was made "
                "again from the finer level."
            )
        else:
            kept.append(level)
    return [level.array for level in kept], tuple(notes)


def _check_first(stored: Sequence[_Stored], path: Path, sparse: bool) -> int:
    """The number of chunks of level 0 that are empty as the user alone says."""
    first, *coarser = stored
    doubtful = 0
    for window in first.windows():
        told = _told_by(coarser, first, window)
        if told:
            raise SlideUnreadable(
                f"The slide is incomplete: {counted(len(first.missing), 'chunk')} of "
                f"{first.total:,} of its finest level are missing, at least one of them with "
                f"tissue. Copy it again. Path: '{path}'."
            )
        doubtful += told is None
    if doubtful and not sparse:
        raise SlideUnreadable(
            f"{counted(doubtful, 'chunk')} of {first.total:,} of the finest level are not stored, "
            "and no coarser level tells whether they are empty. Copy the slide again, or confirm "
            f"that these regions are empty. Path: '{path}'.",
            hint=Hint(Remedy.SPARSE),
        )
    return doubtful


def _told_by(coarser: Sequence[_Stored], first: _Stored, window: _Window) -> bool | None:
    """Whether a place of level 0 holds anything, as a coarser level tells; None if none does."""
    for level in reversed(coarser):
        there = _in(level, first, window)
        if not there.is_empty() and level.knows(there):
            return level.holds_anything(there)
    return None


def _is_held_by(finer: _Stored, level: _Stored, window: _Window) -> bool:
    there = _in(finer, level, window)
    return not there.is_empty() and finer.holds_anything(there)


def _in(other: _Stored, level: _Stored, window: _Window) -> _Window:
    (height, width), (tall, wide) = other.sides(), level.sides()
    return window.scaled(height / tall, width / wide, border=1)
