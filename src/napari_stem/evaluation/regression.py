"""Ridge regression for many weights of the penalty at the cost of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import svd
from sklearn.preprocessing import StandardScaler

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.floating]


class RidgePath:
    """Ridge regression on standardised numbers, fitted for every penalty by one decomposition.

    Parameters
    ----------
    x
        (m, d) embeddings.
    y
        (m, c) values.
    """

    def __init__(self, x: Array, y: Array) -> None:
        self._scaler = StandardScaler().fit(x)
        self._offset = y.mean(axis=0)
        u, self._singular, self._axes = svd(
            np.asarray(self._scaler.transform(x)), full_matrices=False
        )
        self._along = u.T @ (y - self._offset)

    def predict(self, x: Array, alpha: float) -> Array:
        """Values (n, c) of embeddings (n, d); the intercept has no penalty.

        Parameters
        ----------
        alpha
            Weight of the penalty.
        """
        shrunk = self._singular / (self._singular**2 + alpha)
        found: Array = self._scaler.transform(x) @ self._axes.T * shrunk @ self._along
        found += self._offset
        return found
