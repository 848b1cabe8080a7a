"""The sharpest of a slide's focal planes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

from napari_stem.slides.pyramid import Level

_PIECE = 128  # pixels of a side
_PIECES = 6  # with most contrast, of a grid of
_GRID = 8  # rows and columns
_SHARPER = 1.05  # times as sharp as the first plane must another one be to be taken instead


def sharpest(planes: Sequence[Level]) -> int:
    """The plane in which pieces of tissue have the strongest finest structure."""
    middle = planes[len(planes) // 2]
    side = min(_PIECE, *middle.shape[:2])
    grid = (np.linspace(0, end - side, _GRID).astype(int) for end in middle.shape[:2])
    places = sorted(
        set(product(*map(tuple, grid))), key=lambda at: -_green(middle, at[0], at[1], side).std()
    )
    energies = [
        float(np.mean([_energy(_green(plane, y, x, side)) for y, x in places[:_PIECES]]))
        for plane in planes
    ]
    best = int(np.argmax(energies))
    return best if energies[best] > _SHARPER * energies[0] else 0


def _green(level: Level, y: int, x: int, side: int) -> NDArray[np.float64]:
    return np.asarray(level[y : y + side, x : x + side, 1], float)


def _energy(green: NDArray[np.float64]) -> float:
    """Mean square of the differences between neighbouring pixels."""
    return float((np.diff(green, axis=0) ** 2).mean() + (np.diff(green, axis=1) ** 2).mean())
