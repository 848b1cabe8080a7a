"""The pitch of an array of spots, also if it is rotated, mirrored or jittered on the slide."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import KDTree

if TYPE_CHECKING:
    from numpy.typing import NDArray

_HEX_AREA = np.sqrt(3) / 2  # of a spot's cell, in squared pitches; 1 in a square lattice
_MOST_ASKED = 5000  # spots whose neighbours are looked at
_FEWEST = 12  # minimum number of spots for fitting a lattice
_ORDERED = 0.4  # mean agreement of directions; 1 without jitter, 0 of scattered places
_REACH = 0.35  # of the pitch, that a neighbour may lie off its place


def array_pitch(array_xy: NDArray[np.float64], xy: NDArray[np.float64]) -> float:
    """Pitch of an array in pixels, by least squares over all spots.

    Printed spots jitter, so that the nearest neighbour is nearer than the pitch. Arrays that use
    every second place of a row, each row shifted by one (Visium's), are hexagonal.

    Parameters
    ----------
    array_xy, xy
        (n, 2) array coordinates, in steps, and slide coordinates, in level-0 pixels.

    Returns
    -------
    The pitch; 0 where the spots do not span a plane.
    """
    steps = np.column_stack([array_xy, np.ones(len(array_xy))])
    solution, _, rank, _ = np.linalg.lstsq(steps, xy, rcond=None)
    if rank < 3:
        return 0.0
    axes = solution[:2]
    area = abs(np.linalg.det(axes))
    short, long = sorted(np.linalg.norm(axes, axis=1))
    if is_alternating(array_xy) and short < 0.8 * long:  # 1 / sqrt(3), and 1 in a square array
        return float(np.sqrt(2 * area / _HEX_AREA))
    return float(np.sqrt(area))


def is_alternating(array_xy: NDArray[np.float64]) -> bool:
    """Whether array coordinates (n, 2) use every second place of a row, as Visium's do."""
    if not np.isfinite(array_xy).all() or np.ptp(array_xy, axis=0).min() < 1:
        return False
    return not np.ptp(array_xy.round().sum(axis=1) % 2)


def neighbour_pitch(xy: NDArray[np.float64]) -> float:
    """Pitch in pixels of (n, 2) spots, n > 1, without array coordinates.

    A square or hexagonal lattice is fitted to the steps between neighbours; where they follow
    none, this is the median distance to the nearest one.
    """
    tree = KDTree(xy)
    asked = xy[:: max(1, len(xy) // _MOST_ASKED)]
    distance, index = tree.query(asked, k=min(13, len(xy)))
    nearest = float(np.median(distance[:, 1]))
    guess = float(np.median(distance[:, 1:5]))
    if len(xy) < _FEWEST or not guess:
        return nearest
    steps = (xy[index[:, 1:]] - asked[:, None]).reshape(-1, 2)
    near = steps[np.hypot(*steps.T) < 1.25 * guess]
    direction = np.arctan2(near[:, 1], near[:, 0])
    order = {fold: np.exp(1j * fold * direction).mean() for fold in (4, 6)}
    fold = max(order, key=lambda n: abs(order[n]))
    if abs(order[fold]) < _ORDERED:
        return nearest
    turns = np.angle(order[fold]) / fold + np.array([0, 2 * np.pi / fold])
    axes = _fitted(guess * np.column_stack([np.cos(turns), np.sin(turns)]), steps)
    if axes is None:
        return nearest
    area = abs(np.linalg.det(axes))
    return float(np.sqrt(area / _HEX_AREA if fold == 6 else area))


def _fitted(axes: NDArray[np.float64], steps: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Axes (2, 2) of the lattice that steps (m, 2) follow; None if they follow one line."""
    for _ in range(4):
        whole = np.round(steps @ np.linalg.inv(axes))
        size = np.sqrt(abs(np.linalg.det(axes)))
        # One shell of neighbours, and all of it: the nearest alone would make the pitch short.
        close = np.hypot(*(steps - whole @ axes).T) < _REACH * size
        close &= (abs(whole).max(axis=1) == 1) & whole.any(axis=1)
        if not close.any() or np.linalg.matrix_rank(whole[close]) < 2:
            return None
        axes = np.linalg.lstsq(whole[close], steps[close], rcond=None)[0]
    return axes
