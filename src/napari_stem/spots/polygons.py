"""Which points lie inside of polygons, and how large those are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from skimage.measure import points_in_poly

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def inside(xy: NDArray[np.float64], polygons: Iterable[Sequence[ArrayLike]]) -> NDArray[np.bool_]:
    """Which points lie in any of the polygons.

    A ring includes its edge, whichever way it turns: a point on an outline is inside, a point on
    the edge of a hole is not.

    Parameters
    ----------
    xy
        (n, 2) points.
    polygons
        Each an outline with its holes, all (m, 2) corners; the last one may repeat the first.

    Returns
    -------
    (n,)
    """
    found = np.zeros(len(xy), dtype=bool)
    for outline, *holes in polygons:
        part = _in_ring(xy, outline)
        for hole in holes:
            part &= ~_in_ring(xy, hole)
        found |= part
    return found


def area(polygon: Sequence[ArrayLike]) -> float:
    """Area of an outline without its holes."""
    outline, *holes = polygon
    return _ring_area(outline) - sum(map(_ring_area, holes))


def _in_ring(xy: NDArray[np.float64], ring: ArrayLike) -> NDArray[np.bool_]:
    corners = np.asarray(ring, dtype=np.float64)
    near = ((xy >= corners.min(axis=0)) & (xy <= corners.max(axis=0))).all(axis=1)
    near[near] = points_in_poly(xy[near], corners)
    return np.asarray(near, dtype=bool)


def _ring_area(ring: ArrayLike) -> float:
    corners = np.asarray(ring, dtype=np.float64)
    x, y = (corners - corners[0]).T
    return float(abs(x @ np.roll(y, 1) - y @ np.roll(x, 1)) / 2)
