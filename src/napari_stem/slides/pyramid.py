"""Levels of a slide: what every format offers, and levels made from other ones."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import product
from math import ceil, floor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from PIL import Image

from napari_stem.errors import StorageError
from napari_stem.slides.mpp import UNKNOWN, Scale
from napari_stem.storage import atomic_path

if TYPE_CHECKING:
    from numpy.typing import NDArray

# A level below this size draws at once; levels are added until it is reached.
SMALL_ENOUGH = 1500
_LARGEST_HELD = 64_000_000  # pixels of a made level that is kept in memory once it was read
_BLOCK = 512  # rows and columns that are made at once


class Level(Protocol):
    """(h, w, 3) uint8 that reads what is sliced."""

    @property
    def shape(self) -> tuple[int, ...]: ...  # noqa: D102
    @property
    def dtype(self) -> np.dtype[Any]: ...  # noqa: D102
    def __getitem__(self, key: Any) -> Any: ...


@dataclass(slots=True, eq=False)
class SlideFile:
    """An opened image file.

    Attributes
    ----------
    levels
        Level 0 first.
    scale
        What the metadata state.
    identity
        Identity of its content, if the file itself has none.
    handle
        What must be closed.
    notes
        What was found or assumed that a user should know, one sentence or two each.
    sparse
        Whether the user has said that what is not stored is empty.
    pictures
        Names of the pictures that the file holds; none for formats with a single one.
    picture
        The number of the one that `levels` are of.
    """

    levels: tuple[Level, ...]
    scale: Scale = UNKNOWN
    identity: str = ""
    handle: Any = None
    notes: tuple[str, ...] = ()
    sparse: bool = False
    pictures: tuple[str, ...] = ()
    picture: int = 0

    def close(self) -> None:
        """Release the file; slides that share it may each do so."""
        handle, self.handle = self.handle, None
        if handle is not None:
            handle.close()


def region_of(level: Level, x: int, y: int, width: int, height: int) -> NDArray[np.uint8]:
    """(height, width, 3) of a rectangle of a level; what lies outside is white."""
    rows, columns = level.shape[:2]
    left, top = max(x, 0), max(y, 0)
    right, bottom = min(x + width, columns), min(y + height, rows)
    region = np.full((height, width, 3), 255, np.uint8)
    if left < right and top < bottom:
        found = np.asarray(level[top:bottom, left:right])
        region[top - y : bottom - y, left - x : right - x] = found
    return region


def averaged(
    level: Level, box: tuple[float, float, float, float], size: tuple[int, int]
) -> NDArray[np.uint8]:
    """A part of a level made smaller by averaging.

    Parameters
    ----------
    box
        Left, top, right and bottom in pixels of the level, also fractions of them.
    size
        Width and height of the result.
    """
    left, top, right, bottom = box
    x, y = floor(left), floor(top)
    source = Image.fromarray(np.asarray(level[y : ceil(bottom), x : ceil(right)]))
    inner = (left - x, top - y, right - x, bottom - y)
    return np.asarray(source.resize(size, Image.Resampling.BOX, box=inner))


def with_overviews(levels: tuple[Level, ...], folder: Path | None = None) -> tuple[Level, ...]:
    """`levels` and, where the last one is large, further ones, each half of the one before.

    Parameters
    ----------
    folder
        Where blocks of the finest made level that memory can hold are kept for the next time.
    """
    while max(levels[-1].shape[:2]) > SMALL_ENOUGH and min(levels[-1].shape[:2]) > 1:
        made = Reduced(levels[-1], folder)
        folder = None if made.is_held else folder
        levels = (*levels, made)
    return levels


def make_overviews(levels: Sequence[Level]) -> Generator[tuple[int, int]]:
    """Make the blocks of the finest made level that memory holds; yields how many of how many."""
    made = next((level for level in levels if isinstance(level, Reduced) and level.is_held), None)
    if made is None:
        return
    places = made.places()
    pool = ThreadPoolExecutor()
    try:
        for done, _ in enumerate(pool.map(made.block, *zip(*places, strict=True)), start=1):
            yield done, len(places)
    finally:
        pool.shutdown(cancel_futures=True)


class Sliced(ABC):
    """A level that turns every kind of slicing into reading one rectangle."""

    ndim = 3
    dtype = np.dtype(np.uint8)

    def __init__(self, height: int, width: int) -> None:
        self.shape = (height, width, 3)
        self.size = height * width * 3

    def __getitem__(self, key: Any) -> NDArray[np.uint8]:
        *place, channels = _three(key)
        (top, bottom, row), (left, right, column) = map(_stretch, place, self.shape[:2])
        if top < bottom and left < right:
            found = self.read(top, bottom, left, right)
        else:
            found = np.empty((bottom - top, right - left, 3), np.uint8)
        part: NDArray[np.uint8] = found[row, column][..., channels]
        return part

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self[:], dtype=dtype, copy=copy)

    @abstractmethod
    def read(self, top: int, bottom: int, left: int, right: int) -> NDArray[np.uint8]:
        """(bottom - top, right - left, 3) of a rectangle that is not empty."""


def _three(key: Any) -> tuple[Any, Any, Any]:
    """A key as one part each for rows, columns and channels."""
    parts = list(key) if isinstance(key, tuple) else [key]
    if ... in parts:
        gap = parts.index(...)
        parts[gap : gap + 1] = [slice(None)] * (4 - len(parts))
    rows, columns, channels = parts + [slice(None)] * (3 - len(parts))
    return rows, columns, channels


def _stretch(part: Any, side: int) -> tuple[int, int, Any]:
    """The places from first to last that a key asks of a side, and the key within them."""
    if not isinstance(part, slice):
        place = range(side)[part]
        return place, place + 1, 0
    places = range(*part.indices(side))
    if not places:
        return 0, 0, slice(None)
    return min(places[0], places[-1]), max(places[0], places[-1]) + 1, slice(None, None, part.step)


class Reduced(Sliced):
    """Means over squares of 2 x 2 pixels of another level, computed in blocks when read.

    A small one keeps its blocks in memory, and in a folder where it has one. A large one keeps
    nothing and computes what is asked for, which costs no more than reading it below.
    """

    def __init__(self, parent: Level, folder: Path | None = None) -> None:
        super().__init__(parent.shape[0] // 2, parent.shape[1] // 2)
        self._parent = parent
        self.is_held = self.shape[0] * self.shape[1] <= _LARGEST_HELD
        self._folder = folder if self.is_held else None
        self._blocks: dict[tuple[int, int], NDArray[np.uint8]] = {}

    def read(self, top: int, bottom: int, left: int, right: int) -> NDArray[np.uint8]:
        """A rectangle, put together from blocks, or from just what lies within it."""
        pixels = np.empty((bottom - top, right - left, 3), np.uint8)
        for row, column in _blocks(top, bottom, left, right):
            y, x = row * _BLOCK, column * _BLOCK
            first, last = max(top, y), min(bottom, y + _BLOCK)
            west, east = max(left, x), min(right, x + _BLOCK)
            if self.is_held:
                part = self.block(row, column)[first - y : last - y, west - x : east - x]
            else:
                part = self._compute(first, last, west, east)
            pixels[first - top : last - top, west - left : east - left] = part
        return pixels

    def places(self) -> list[tuple[int, int]]:
        """Rows and columns of all blocks."""
        return list(_blocks(0, self.shape[0], 0, self.shape[1]))

    def block(self, row: int, column: int) -> NDArray[np.uint8]:
        """One block, from memory, from the folder, or computed."""
        held = self._blocks.get((row, column))
        if held is not None:
            return held
        path = self._folder and self._folder / f"{row}-{column}.png"
        block = None if path is None else _read_png(path)
        top, left = row * _BLOCK, column * _BLOCK
        bottom, right = min(top + _BLOCK, self.shape[0]), min(left + _BLOCK, self.shape[1])
        if block is None or block.shape != (bottom - top, right - left, 3):
            block = self._compute(top, bottom, left, right)
            if path is not None:
                _write_png(path, block)
        self._blocks[row, column] = block
        return block

    def _compute(self, top: int, bottom: int, left: int, right: int) -> NDArray[np.uint8]:
        squares = np.asarray(self._parent[2 * top : 2 * bottom, 2 * left : 2 * right])
        return np.asarray(Image.fromarray(squares).reduce(2))


def _blocks(top: int, bottom: int, left: int, right: int) -> Iterator[tuple[int, int]]:
    """Rows and columns of the blocks that a rectangle of a made level touches."""
    return product(
        range(top // _BLOCK, (bottom - 1) // _BLOCK + 1),
        range(left // _BLOCK, (right - 1) // _BLOCK + 1),
    )


def _read_png(path: Path) -> NDArray[np.uint8] | None:
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB"))
    except (OSError, SyntaxError, ValueError):  # not there, or damaged: it is made again
        return None


def _write_png(path: Path, block: NDArray[np.uint8]) -> None:
    with suppress(StorageError), atomic_path(path) as draft:  # a full disk costs time alone
        Image.fromarray(block).save(draft, "PNG", compress_level=1)


def downsample(full: Sequence[int], level: Sequence[int]) -> float:
    """The ratio of sizes, as a whole number where the level's size is that ratio rounded."""
    axis = int(full[1] >= full[0])
    ratio = full[axis] / level[axis]
    whole = round(ratio)
    return float(whole) if abs(full[axis] - whole * level[axis]) < whole else ratio
