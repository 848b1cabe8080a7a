"""Vectors on disk, so that no view of a patch is described twice."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import zarr
from zarr.codecs import ZstdCodec

from napari_stem.cache import mark_used
from napari_stem.errors import StorageError
from napari_stem.roomy import blocks, roomy
from napari_stem.storage import atomic_path, writing

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ROWS = 64


class KeptVectors:
    """Vectors (n, v, d) on disk, NaN where they are not computed yet; an array for each view.

    A chunk is a file that zarr replaces whole, so that a process killed midway leaves full rows
    or NaN; no separate record of what is done can contradict the data.

    Parameters
    ----------
    paths
        One for each view.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = paths

    def read(self, n: int, folder: Path | None) -> NDArray[np.float32] | None:
        """What is there of n spots; None where no view is, or where one is damaged."""
        shapes = [_shape(path) for path in self._paths]
        widths = {shape[2] for shape in shapes if shape and shape == (n, 1, shape[-1])}
        if len(widths) != 1:
            return None
        values = roomy((n, len(shapes), *widths), folder)
        for view, (path, shape) in enumerate(zip(self._paths, shapes, strict=True)):
            if shape != (n, 1, *widths):
                values[:, view] = np.nan
                continue
            try:
                array = zarr.open_array(path, mode="r")
                for rows in blocks(n):
                    values[rows, view] = array[rows, 0]
            except Exception:  # noqa: BLE001  # zarr and its codecs raise many kinds; computing again is safe
                return None
            mark_used(path)
        return values

    def write(
        self, found: NDArray[np.float32], rows: NDArray[np.intp], views: Iterable[int]
    ) -> None:
        """Write the chunks that hold `rows` of some views of the vectors of all spots."""
        for view in views:
            path, values = self._paths[view], found[:, view : view + 1]
            if _shape(path) != values.shape:
                _create(path, values.shape)
            with writing(path):
                array = zarr.open_array(path, mode="r+")
                for start in np.unique(rows // _ROWS) * _ROWS:
                    array[start : start + _ROWS] = values[start : start + _ROWS]


def _create(path: Path, shape: tuple[int, ...]) -> None:
    try:
        with atomic_path(path) as draft:
            zarr.create_array(
                draft, shape=shape, chunks=(_ROWS, *shape[1:]), dtype="f4",
                fill_value=np.nan, compressors=ZstdCodec(checksum=True),
            )  # fmt: skip
    except StorageError:
        if _shape(path) != shape:  # nor did another program make it meanwhile
            raise


def _shape(path: Path) -> tuple[int, ...] | None:
    try:
        return zarr.open_array(path, mode="r").shape
    except Exception:  # noqa: BLE001  # as in `read`
        return None
