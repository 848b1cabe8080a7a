"""Spatial autocorrelation of genes: Moran's I of values at spots."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse
from scipy.spatial import KDTree

from napari_stem.roomy import columns_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NEIGHBOURS = 6  # a hexagonal array's; most of a square one's eight


def neighbour_graph(xy: NDArray[np.float64]) -> sparse.csr_matrix:
    """(n, n) ones from each spot to its nearest others, as many as a hexagonal array has."""
    n = len(xy)
    k = min(_NEIGHBOURS, n - 1)
    _, nearest = KDTree(xy).query(xy, k=[*range(2, k + 2)])
    rows = np.repeat(np.arange(n), k)
    return sparse.csr_matrix((np.ones(n * k, np.float32), (rows, nearest.ravel())), (n, n))


def morans_i(values: NDArray[np.float32], graph: sparse.csr_matrix) -> NDArray[np.float32]:
    """Moran's I (c,) of values (n, c) over a graph of neighbours (Moran 1950).

    1 for a smooth gradient, about 0 for noise; 0 where a gene is constant.
    """
    return np.concatenate([_morans_i(some, graph) for some in columns_of(values)])


def _morans_i(values: NDArray[np.float32], graph: sparse.csr_matrix) -> NDArray[np.float32]:
    centred = values - values.mean(axis=0, dtype=np.float64)
    squares = (centred**2).sum(axis=0)
    products = (centred * (graph @ centred)).sum(axis=0)
    scale = len(values) / graph.sum()
    known = squares > 0
    found = np.zeros(values.shape[1], np.float32)
    found[known] = scale * products[known] / squares[known]
    return found
