"""Pearson's correlation of many pairs at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def correlations(one: NDArray[np.floating], other: NDArray[np.floating]) -> NDArray[np.float64]:
    """Of each row of two (k, m); 0 where one is constant."""
    a = one - one.mean(axis=1, keepdims=True, dtype=np.float64)
    b = other - other.mean(axis=1, keepdims=True, dtype=np.float64)
    scale = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    return np.where(scale > 0, (a * b).sum(axis=1) / np.where(scale > 0, scale, 1), 0.0)
