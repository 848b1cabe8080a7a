"""Leiden clusters of predicted expression."""

from __future__ import annotations

from contextlib import suppress
from functools import cache, partial
from typing import TYPE_CHECKING, Any
from warnings import catch_warnings, filterwarnings

import numpy as np
import pandas as pd
import scanpy as sc
from anndata import AnnData
from scipy import sparse
from sklearn.neighbors import KNeighborsTransformer

from napari_stem.analysis.labels import Clusters
from napari_stem.analysis.leiden import partition, partition_apart
from napari_stem.analysis.leiden_options import LeidenOptions
from napari_stem.aside import iter_aside
from napari_stem.errors import SpotsError
from napari_stem.events import Check, Events, Progress, go_on
from napari_stem.roomy import columns_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

FEWEST = 5
_NEIGHBOURS, _COMPONENTS = 15, 30
_MANY = 5_000  # spots, whose partition would hold up a window
_EXACT = (
    100_000  # spots, from which on comparing all pairs takes longer than an index of neighbours
)
_CHUNK = 10_000  # spots beyond that whose components are fitted at a time
_COMPARED = 2_048  # spots whose neighbours are found at a time, in less than a second


def cluster(prediction: AnnData, options: LeidenOptions | None = None) -> None:
    """Cluster spots by predicted expression into `obs["leiden"]`, named "1", "2", … by size.

    Their colours are in `uns["leiden_colors"]`. Parameters and errors are those of
    `find_clusters`.
    """
    find_clusters(prediction, options).keep_in(prediction)


def iter_find_clusters(
    prediction: AnnData, options: LeidenOptions | None = None
) -> Events[Clusters]:
    """`find_clusters` in a thread, with progress; closing it stops it between its parts."""
    n = prediction.n_obs
    job = partial(find_clusters, prediction, options)
    return (yield from iter_aside(job, lambda: Progress(0, n, "cluster")))


def find_clusters(
    prediction: AnnData, options: LeidenOptions | None = None, check: Check = go_on
) -> Clusters:
    """Clusters of spots by predicted expression, the largest first. The prediction stays as it is.

    Parameters
    ----------
    options
        Resolution, genes and seed; None takes the defaults.
    check
        Called between its parts; what it raises ends it.

    Raises
    ------
    SpotsError
        There are too few spots.
    """
    options = options or LeidenOptions()
    if prediction.n_obs < FEWEST:
        raise SpotsError(f"Clustering needs at least {FEWEST} spots; there are {prediction.n_obs}.")
    values = np.asarray(prediction.X, dtype=np.float32)
    if options.n_genes is not None:
        variance = np.concatenate([some.var(axis=0) for some in columns_of(values)])
        values = values[:, np.argsort(-variance)[: options.n_genes]]
    table = AnnData(values, obs=pd.DataFrame(index=prediction.obs_names))
    exact = table.n_obs <= _EXACT
    components = min(_COMPONENTS, min(values.shape) - 1)
    if components > 1:
        sc.pp.pca(
            table, n_comps=components, random_state=options.seed,
            chunked=not exact, chunk_size=_CHUNK,
        )  # fmt: skip
    check()
    _keep_compiled()
    n_neighbours = min(_NEIGHBOURS, table.n_obs - 1)
    finder = _Exact(n_neighbours, check) if exact else _Approximate(n_neighbours, options.seed)
    sc.pp.neighbors(
        table, n_neighbors=n_neighbours, use_rep="X_pca" if components > 1 else "X",
        transformer=finder, random_state=options.seed,
    )  # fmt: skip
    check()
    divide = partial(partition_apart, check=check) if table.n_obs > _MANY else partition
    graph = table.obsp["connectivities"]
    return _by_size(divide(graph, resolution=options.resolution, seed=options.seed))


class _Exact:
    """Finds nearest neighbours by comparing all pairs, and checks between some spots."""

    def __init__(self, n_neighbours: int, check: Check) -> None:
        self._finder = KNeighborsTransformer(n_neighbors=n_neighbours, algorithm="brute")
        self._check = check

    def get_params(self) -> dict[str, Any]:
        """Settings, by the names that scanpy asks for."""
        return dict(self._finder.get_params())

    def fit_transform(self, values: NDArray[np.float32]) -> sparse.csr_matrix:
        """(n, n) distances of (n, d) values."""
        self._finder.fit(values)
        found = []
        for start in range(0, len(values), _COMPARED):
            self._check()
            found.append(self._finder.transform(values[start : start + _COMPARED]))
        return sparse.vstack(found, format="csr")


class _Approximate:
    """Finds nearly all nearest neighbours, in time that grows with the number of spots."""

    def __init__(self, n_neighbours: int, seed: int) -> None:
        from pynndescent import PyNNDescentTransformer  # compiles itself for half a minute

        self._finder = PyNNDescentTransformer(n_neighbors=n_neighbours, random_state=seed)

    def get_params(self) -> dict[str, Any]:
        """Settings, by the names that scanpy asks for."""
        return dict(self._finder.get_params())

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


def _by_size(communities: NDArray[np.int64]) -> Clusters:
    order = np.argsort(-np.bincount(communities), kind="stable")
    numbers = np.empty(len(order), np.uint16)
    numbers[order] = np.arange(1, len(order) + 1)
    return Clusters.of_numbers(numbers[communities])
