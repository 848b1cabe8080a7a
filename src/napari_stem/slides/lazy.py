"""A slide of arrays that read what is sliced, such as an image that another program has opened."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_stem.errors import SlideUnreadable
from napari_stem.slides.pyramid import SlideFile, with_overviews
from napari_stem.slides.slide import Slide

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

_PIECE, _PIECES = 128, 6  # pixels, and how many a side tell slides apart
_RGB, _RGBA = 3, 4


def slide_of_arrays(arrays: Sequence[Any], *, mpp: float | None = None, name: str) -> Slide:
    """A slide that is read by region from arrays of Dask, Zarr and the like.

    Parameters
    ----------
    arrays
        (h, w, 3 or 4) uint8, the finest first; opacity is left out.

    Raises
    ------
    SlideUnreadable
        An array is not RGB.
    """
    levels = tuple(_Lazy(array, name) for array in arrays)
    digest = hashlib.blake2b(repr(levels[0].shape).encode(), digest_size=16)
    for piece in _pieces(levels[0]):
        digest.update(piece.tobytes())
    file = SlideFile(with_overviews(levels))
    slide = Slide(file, name=name, path=None, fingerprint=digest.hexdigest())
    return slide if mpp is None else slide.with_mpp(mpp)


class _Lazy:
    """A level of an array, without its opacity."""

    dtype = np.dtype(np.uint8)
    ndim = 3

    def __init__(self, array: Any, name: str) -> None:
        is_rgb = len(array.shape) == _RGB and array.shape[2] in (_RGB, _RGBA)
        if not is_rgb or array.dtype != np.uint8:
            raise SlideUnreadable(
                f"The image is not RGB: it has shape {tuple(array.shape)} and type {array.dtype}; "
                f"(h, w, 3) and uint8 are needed. Image: '{name}'."
            )
        self._array = array
        self.shape: tuple[int, ...] = (*array.shape[:2], _RGB)
        self.size = int(np.prod(self.shape))

    def __getitem__(self, key: Any) -> NDArray[np.uint8]:
        rows, columns, channels = (*_as_tuple(key), *[slice(None)] * 3)[:3]
        found: NDArray[np.uint8] = np.asarray(self._array[rows, columns])[..., :_RGB]
        return found[..., channels]

    def __array__(
        self, dtype: DTypeLike | None = None, copy: bool | None = None
    ) -> NDArray[np.uint8]:
        return np.asarray(self[:], dtype=dtype)


def _as_tuple(key: Any) -> tuple[Any, ...]:
    return key if isinstance(key, tuple) else (key,)


def _pieces(level: _Lazy) -> list[NDArray[np.uint8]]:
    """Small squares from all over a level."""
    height, width, _ = level.shape
    tops, lefts = (
        np.linspace(0, max(0, side - _PIECE), _PIECES).astype(int) for side in (height, width)
    )
    return [
        level[top : top + _PIECE, left : left + _PIECE]
        for top in tops.tolist()
        for left in lefts.tolist()
    ]
