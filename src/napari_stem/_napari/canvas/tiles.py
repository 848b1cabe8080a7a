"""Levels of a slide that keep the tiles they have read.

napari asks again for all that is visible at each move of the camera. Tiles are kept for as long
as the slide is shown, in one layer or in several side by side.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import DTypeLike, NDArray

_SIDE = 1024  # pixels, of a tile
_KEPT = 128  # tiles a level, 400 MB at most


def tiles_of(level: Any) -> Tiles:
    """The level with its tiles, which all layers that show it share."""
    found = _SHOWN.get(id(level))  # of a level that is alive, as its tiles refer to it
    if found is None:
        found = _SHOWN[id(level)] = Tiles(level)
    return found


class Tiles:
    """A level (h, w, c) as an array that napari slices.

    Parameters
    ----------
    level
        Anything with shape and dtype that reads the region which is sliced.
    """

    def __init__(self, level: Any) -> None:
        self.shape: tuple[int, ...] = tuple(level.shape)
        self.dtype = np.dtype(level.dtype)
        self.ndim = len(self.shape)
        self.size = int(np.prod(self.shape))

        @lru_cache(_KEPT)
        def tile(row: int, column: int) -> NDArray[Any]:
            top, left = row * _SIDE, column * _SIDE
            return np.asarray(level[top : top + _SIDE, left : left + _SIDE])

        self._tile = tile

    def __getitem__(self, key: Any) -> NDArray[Any]:
        """Pixels at integers and slices, as numpy has them."""
        rows, columns, *channels = _of_two(key if isinstance(key, tuple) else (key,))
        (top, bottom, down), (left, right, across) = map(_span, (rows, columns), self.shape)
        return self._region(top, bottom, left, right)[(down, across, *channels)]

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        return np.asarray(self[:], dtype=dtype)

    def _region(self, top: int, bottom: int, left: int, right: int) -> NDArray[Any]:
        """Put together from tiles."""
        region = np.empty((bottom - top, right - left, *self.shape[2:]), self.dtype)
        for (row, down, here), (column, across, there) in product(
            _pieces(top, bottom), _pieces(left, right)
        ):
            region[down, across] = self._tile(row, column)[here, there]
        return region


_SHOWN: WeakValueDictionary[int, Tiles] = WeakValueDictionary()


def _of_two(key: tuple[Any, ...]) -> tuple[Any, ...]:
    return (*key, *[slice(None)] * (2 - len(key)))


def _span(key: slice | int, length: int) -> tuple[int, int, slice | int]:
    """The least and the greatest place of an index, plus one, and the index between them."""
    found = range(length)[key]
    if isinstance(found, int):
        return found, found + 1, 0
    if not found:
        return 0, 0, slice(None)
    low, high = sorted((found[0], found[-1]))
    return low, high + 1, slice(None, None, found.step)


def _pieces(low: int, high: int) -> Iterator[tuple[int, slice, slice]]:
    """Of each tile along one side: its number, its part of low to high, and that part's place."""
    for number in range(low // _SIDE, -(-high // _SIDE)):
        start, stop = max(low, number * _SIDE), min(high, (number + 1) * _SIDE)
        first = number * _SIDE
        yield number, slice(start - low, stop - low), slice(start - first, stop - first)
