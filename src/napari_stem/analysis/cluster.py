"""Leiden clusters of predicted expression."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import scanpy as sc
from anndata import AnnData
from sklearn.decomposition import IncrementalPCA
from sklearn.utils import gen_batches

from napari_stem.analysis.apart import call_apart
from napari_stem.analysis.labels import Clusters
from napari_stem.analysis.leiden import partition, partition_apart
from napari_stem.analysis.leiden_options import LeidenOptions
from napari_stem.analysis.neighbours import neighbour_weights, neighbour_weights_by_index
from napari_stem.aside import iter_aside
from napari_stem.errors import SpotsError
from napari_stem.events import Check, Events, Progress, go_on
from napari_stem.roomy import columns_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

FEWEST = 5
_COMPONENTS = 30
_MANY = 5_000  # spots, whose partition would hold up a window
_EXACT = 100_000  # spots, beyond which an index of neighbours is faster than comparing all pairs
_CHUNK = 10_000  # spots beyond that whose components are fitted at a time


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
        Called between parts of up to some seconds; what it raises ends it.

    Raises
    ------
    SpotsError
        There are too few spots.
    StemError
        The system ended the process that clusters many spots.
    """
    options = options or LeidenOptions()
    if prediction.n_obs < FEWEST:
        raise SpotsError(f"Clustering needs at least {FEWEST} spots; there are {prediction.n_obs}.")
    values = np.asarray(prediction.X, dtype=np.float32)
    if options.n_genes is not None:
        variance = np.concatenate([some.var(axis=0) for some in columns_of(values)])
        values = values[:, np.argsort(-variance)[: options.n_genes]]
    divide = _divide_many if len(values) > _EXACT else _divide
    return _by_size(divide(values, options, check))


def _divide(values: NDArray[np.float32], options: LeidenOptions, check: Check) -> NDArray[np.int64]:
    """The community of each of some spots (n, c), of which all pairs are compared."""
    components = min(_COMPONENTS, min(values.shape) - 1)
    if components > 1:
        values = sc.pp.pca(values, n_comps=components, random_state=options.seed)
    check()
    graph = neighbour_weights(values, options.seed, check)
    check()
    divide = partial(partition_apart, check=check) if len(values) > _MANY else partition
    return divide(graph, resolution=options.resolution, seed=options.seed)


def _divide_many(
    values: NDArray[np.float32], options: LeidenOptions, check: Check
) -> NDArray[np.int64]:
    """The same in time that grows with the number of spots, in a child process."""
    return call_apart(
        divide_by_index, check,
        places=_components(values, check), resolution=options.resolution, seed=options.seed,
    )  # fmt: skip


def divide_by_index(places: NDArray[np.float32], resolution: float, seed: int) -> NDArray[np.int64]:
    """The community of each of many spots (n, d), whose neighbours an index finds."""
    graph = neighbour_weights_by_index(places, seed)
    return partition(graph, resolution=resolution, seed=seed)


def _components(values: NDArray[np.float32], check: Check) -> NDArray[np.float32]:
    """Principal components (n, d) of values (n, c), some rows at a time."""
    pca = IncrementalPCA(min(_COMPONENTS, values.shape[1]))
    parts = [*gen_batches(len(values), _CHUNK, min_batch_size=_COMPONENTS)]
    for rows in parts:
        check()
        pca.partial_fit(values[rows])
    found = []
    for rows in parts:
        check()
        found.append(pca.transform(values[rows]))
    return np.concatenate(found).astype(np.float32, copy=False)


def _by_size(communities: NDArray[np.int64]) -> Clusters:
    order = np.argsort(-np.bincount(communities), kind="stable")
    numbers = np.empty(len(order), np.uint16)
    numbers[order] = np.arange(1, len(order) + 1)
    return Clusters.of_numbers(numbers[communities])
