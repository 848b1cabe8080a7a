"""Levels of a slide: what every format offers, and levels made from other ones."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

# A level below this size draws at once; levels are added until it is reached.
SMALL_ENOUGH = 1500
_LARGEST_HELD = 64_000_000  # pixels of a level that is made, and then kept in memory
_BLOCK = 4096  # rows and columns that are read at once to make one
_RGB_OF_YCBCR = np.array([[1, 1, 1], [0, -0.344136, 1.772], [1.402, -0.714136, 0]])


class Level(Protocol):
    """(h, w, 3) uint8 that reads what is sliced."""

    @property
    def shape(self) -> tuple[int, ...]: ...  # noqa: D102
    @property
    def dtype(self) -> np.dtype[Any]: ...  # noqa: D102
    def __getitem__(self, key: Any) -> Any: ...


def with_overviews(levels: tuple[Level, ...]) -> tuple[Level, ...]:
    """`levels` and, where the last one is large, further ones that halve it."""
    while max(levels[-1].shape[:2]) > SMALL_ENOUGH and min(levels[-1].shape[:2]) > 1:
        height, width = levels[-1].shape[:2]
        factor = 2
        while (height // factor) * (width // factor) > _LARGEST_HELD:
            factor *= 2
        levels = (*levels, Reduced(levels[-1], factor))
    return levels


class Reduced:
    """Means over squares of another level, computed when first read and then kept."""

    ndim = 3
    dtype = np.dtype(np.uint8)

    def __init__(self, parent: Level, factor: int = 2) -> None:
        height, width = parent.shape[:2]
        self.shape = (height // factor, width // factor, 3)
        self.size = int(np.prod(self.shape))
        self._parent = parent
        self._factor = factor
        self._lock = threading.Lock()
        self._pixels: NDArray[np.uint8] | None = None

    def __getitem__(self, key: Any) -> NDArray[np.uint8]:
        with self._lock:
            if self._pixels is None:
                self._pixels = self._compute()
        found: NDArray[np.uint8] = self._pixels[key]
        return found

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self[:], dtype=dtype, copy=copy)

    def _compute(self) -> NDArray[np.uint8]:
        height, width, _ = self.shape
        factor, step = self._factor, max(_BLOCK // self._factor, 1)
        pixels = np.empty(self.shape, np.uint8)
        for top in range(0, height, step):
            for left in range(0, width, step):
                bottom, right = min(top + step, height), min(left + step, width)
                rows = slice(factor * top, factor * bottom)
                block = np.asarray(self._parent[rows, factor * left : factor * right])
                reduced = Image.fromarray(block).reduce(factor)
                pixels[top:bottom, left:right] = np.asarray(reduced)
        return pixels


class Converted:
    """A level stored with its channels first, with an alpha channel, or in YCbCr, as RGB."""

    ndim = 3
    dtype = np.dtype(np.uint8)

    def __init__(self, level: Any, *, planar: bool, ycbcr: bool) -> None:
        self.shape = (*(level.shape[1:] if planar else level.shape[:2]), 3)
        self.size = int(np.prod(self.shape))
        self._level = level
        self._planar = planar
        self._ycbcr = ycbcr

    def __getitem__(self, key: Any) -> NDArray[np.uint8]:
        key = key if isinstance(key, tuple) else (key,)
        pixels = self._interleaved(*key[:2])
        rgb = _ycbcr_to_rgb(pixels) if self._ycbcr else over_white(pixels)
        return rgb[(..., *key[2:])]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self[:], dtype=dtype, copy=copy)

    def _interleaved(self, *rows_columns: Any) -> NDArray[np.uint8]:
        if self._planar:
            return np.moveaxis(np.asarray(self._level[:, *rows_columns]), 0, -1)
        return np.asarray(self._level[rows_columns])


def over_white(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Lay (…, 4) pixels with an alpha channel over white; (…, 3) stay as they are."""
    if pixels.shape[-1] == 3:
        return pixels
    alpha = pixels[..., 3:].astype(np.uint16)
    mixed = (pixels[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255
    return mixed.astype(np.uint8)


def _ycbcr_to_rgb(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """JPEG's colours (ITU-T T.871) as RGB."""
    centred = pixels[..., :3] - np.array([0.0, 128.0, 128.0])
    rgb: NDArray[np.float64] = centred @ _RGB_OF_YCBCR
    return rgb.round().clip(0, 255).astype(np.uint8)
