"""Polygons of a region: which points they hold, where their middle lies, how large they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import shapely

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_CORNERS = 64  # of an ellipse, which then lacks 0.2 % of its area


def ring(corners: ArrayLike) -> NDArray[np.float64]:
    """(m, 2) corners x, y of a ring.

    Raises
    ------
    ValueError
        There are fewer than three corners, or one is not finite.
    """
    points = np.asarray(corners, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 2 or len(points) < 3:
        raise ValueError(
            f"a polygon needs at least three corners (x, y); its shape is {points.shape}"
        )
    if not np.isfinite(points).all():
        raise ValueError("a corner of a polygon is not finite")
    return points


def inside(xy: NDArray[np.float64], polygons: Iterable[Sequence[ArrayLike]]) -> NDArray[np.bool_]:
    """Which points lie in any of the polygons.

    A ring includes its edge, whichever way it turns: a point on an outline is inside, a point on
    the edge of a hole is not. Where a ring crosses itself, what it encloses twice is outside.

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
    return float(_polygon(polygon).area)


def centroid(polygon: Sequence[ArrayLike]) -> NDArray[np.float64]:
    """(2,) centre of gravity of an outline without its holes; of its edges where it has no area."""
    return np.array(_polygon(polygon).centroid.coords[0])


def rectangle(low: Sequence[float], high: Sequence[float]) -> NDArray[np.float64]:
    """(4, 2) corners between the lowest and the highest x, y."""
    (left, top), (right, bottom) = low, high
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)])


def ellipse(box: NDArray[np.float64]) -> NDArray[np.float64]:
    """(64, 2) corners of the ellipse in a parallelogram, of which `box` holds the (4, 2) corners.

    They go round it, as those of `rectangle` do.
    """
    angle = np.linspace(0, 2 * np.pi, _CORNERS, endpoint=False)[:, None]
    across, down = (box[1] - box[0]) / 2, (box[3] - box[0]) / 2
    return np.asarray(box.mean(axis=0) + np.cos(angle) * across + np.sin(angle) * down)


def _polygon(rings: Sequence[ArrayLike]) -> shapely.Polygon:
    outline, *holes = (np.asarray(corners, dtype=np.float64) for corners in rings)
    return shapely.Polygon(outline, holes)


def _in_ring(xy: NDArray[np.float64], corners: ArrayLike) -> NDArray[np.bool_]:
    polygon = _polygon([corners])
    shapely.prepare(polygon)  # an index of its edges
    return np.asarray(shapely.intersects_xy(polygon, xy), dtype=bool)
