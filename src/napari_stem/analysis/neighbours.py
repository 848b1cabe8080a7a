"""Weighted graphs of spots that are alike, as scanpy makes them for Leiden's method."""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any
from warnings import catch_warnings, filterwarnings

import numpy as np
import scanpy as sc
from anndata import AnnData
from scipy import sparse
from sklearn.neighbors import KNeighborsTransformer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_stem.events import Check

_NEIGHBOURS = 15
_COMPARED = 2_048  # spots whose neighbours are found at a time, in less than a second


def neighbour_weights(places: NDArray[np.float32], seed: int, check: Check) -> sparse.csr_matrix:
    """(n, n) symmetric weights of near spots (n, d), of which all pairs are compared.

    Parameters
    ----------
    check
        Called between some spots; what it raises ends it.
    """
    return _weights(places, _Exact(min(_NEIGHBOURS, len(places) - 1), check), seed)


def neighbour_weights_by_index(places: NDArray[np.float32], seed: int) -> sparse.csr_matrix:
    """Nearly the same for more than 15 spots, in time that grows with their number."""
    return _weights(places, _Approximate(_NEIGHBOURS, seed), seed)


def _weights(places: NDArray[np.float32], finder: _Finder, seed: int) -> sparse.csr_matrix:
    _keep_compiled()
    table = AnnData(places)
    sc.pp.neighbors(
        table, n_neighbors=finder.get_params()["n_neighbors"], use_rep="X",
        transformer=finder, random_state=seed,
    )  # fmt: skip
    return table.obsp["connectivities"]


class _Finder:
    """Finds nearest neighbours for scanpy."""

    def __init__(self, finder: Any) -> None:
        self._finder = finder

    def get_params(self) -> dict[str, Any]:
        """Settings, by the names that scanpy asks for."""
        return dict(self._finder.get_params())


class _Exact(_Finder):
    """Compares all pairs, and checks between some spots."""

    def __init__(self, n_neighbours: int, check: Check) -> None:
        super().__init__(KNeighborsTransformer(n_neighbors=n_neighbours, algorithm="brute"))
        self._check = check

    def fit_transform(self, values: NDArray[np.float32]) -> sparse.csr_matrix:
        """(n, n) distances of (n, d) values."""
        self._finder.fit(values)
        found = []
        for start in range(0, len(values), _COMPARED):
            self._check()
            found.append(self._finder.transform(values[start : start + _COMPARED]))
        return sparse.vstack(found, format="csr")


class _Approximate(_Finder):
    """Finds nearly all of them, in time that grows with the number of spots."""

    def __init__(self, n_neighbours: int, seed: int) -> None:
        from pynndescent import PyNNDescentTransformer  # compiles itself for half a minute

        super().__init__(PyNNDescentTransformer(n_neighbors=n_neighbours, random_state=seed))

    def fit_transform(self, values: NDArray[np.float32]) -> sparse.csr_matrix:
        """(n, n) distances of (n, d) values; scanpy fails with the array of pynndescent."""
        return sparse.csr_matrix(self._finder.fit_transform(values))


@cache
def _keep_compiled() -> None:
    """Let numba keep what scanpy's neighbours run: compiling it takes seconds in each process."""
    with catch_warnings():
        filterwarnings("ignore", "Tensorflow not installed")  # nor needed
        from umap.umap_ import compute_membership_strengths, smooth_knn_dist
    with suppress(RuntimeError):  # there is no folder for it
        for function in (smooth_knn_dist, compute_membership_strengths):
            function.enable_caching()
