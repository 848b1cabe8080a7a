"""Arrays that may be larger than memory: large ones lie in a file, of which parts are in memory."""

from __future__ import annotations

import math
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_stem.storage import writing

if TYPE_CHECKING:
    from numpy.typing import NDArray

IN_MEMORY = 1 << 28  # bytes of the largest array that lies in memory
_ROWS, _VALUES = 4096, 1 << 19  # of a block, at most
_COPIED = 8_000_000  # values of which a copy is made at a time


def roomy(shape: tuple[int, ...], folder: Path | None) -> NDArray[np.float32]:
    """An array to be filled; a large one is mapped from a file that vanishes with it.

    Parameters
    ----------
    folder
        On a disk with room; None takes the system's folder of temporary files.

    Raises
    ------
    StorageError
        The disk has no room.
    """
    n_bytes = 4 * math.prod(shape)
    if not is_large(n_bytes):
        return np.empty(shape, np.float32)
    folder = folder or Path(tempfile.gettempdir())
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            if sys.platform == "linux":  # where a disk found full later ends the process
                os.posix_fallocate(file.fileno(), 0, n_bytes)
            mapped = np.memmap(file, np.float32, "w+", shape=shape)
    return np.asarray(mapped)  # anndata writes no memmap


def is_large(n_bytes: int) -> bool:
    """Whether so many bytes are not held in memory."""
    return n_bytes > IN_MEMORY


def blocks(n: int, width: int = 1) -> Iterator[slice]:
    """The rows of an array (n, width) in blocks of which copies are small; at least one."""
    rows = max(1, min(_ROWS, _VALUES // max(width, 1)))
    for start in range(0, max(n, 1), rows):
        yield slice(start, start + rows)


def columns_of(values: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    """The columns of an array (n, c) in blocks (n, b) of which copies are small."""
    n, c = values.shape
    step = max(1, _COPIED // max(n, 1))
    for start in range(0, c, step):
        yield values[:, start : start + step]


def joined(
    parts: Sequence[NDArray[np.float32]], axis: int, folder: Path | None
) -> NDArray[np.float32]:
    """Arrays one after the other, of which none is held twice."""
    if len(parts) == 1:
        return parts[0]
    length = sum(part.shape[axis] for part in parts)
    shape = (*parts[0].shape[:axis], length, *parts[0].shape[axis + 1 :])
    whole, start = roomy(shape, folder), 0
    for part in parts:
        place = np.moveaxis(whole, axis, 0)[start : start + part.shape[axis]]
        target = np.moveaxis(place, 0, axis)
        for rows in blocks(len(part)):
            target[rows] = part[rows]
        start += part.shape[axis]
    return whole
