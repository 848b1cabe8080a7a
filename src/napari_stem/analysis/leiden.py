"""Leiden partition of a weighted graph, here or in a process of its own.

igraph holds the interpreter for as long as it works: a third of a second for 20,000 spots, one
for 50,000.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import igraph
import numpy as np
from scipy import sparse

from napari_stem.analysis.apart import call_apart

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_stem.events import Check

_ITERATIONS = 2  # scanpy's choice for igraph
_ADDED = 1_000_000  # edges at a time, each of which becomes a few objects
_SEEDED = threading.Lock()  # igraph has one generator, whichever thread asks


def partition(graph: sparse.csr_matrix, *, resolution: float, seed: int) -> NDArray[np.int64]:
    """The community of each node of an undirected graph, by modularity.

    Parameters
    ----------
    graph
        (n, n), symmetric; its values are the weights.
    resolution
        Higher gives more communities.
    """
    edges, weights = _edges(graph)
    return partition_edges(graph.shape[0], edges, weights, resolution, seed)


def partition_apart(
    graph: sparse.csr_matrix, *, resolution: float, seed: int, check: Check
) -> NDArray[np.int64]:
    """The same in a child process; what `check` raises ends it."""
    edges, weights = _edges(graph)
    return call_apart(
        partition_edges, check,
        n=graph.shape[0], edges=edges, weights=weights, resolution=resolution, seed=seed,
    )  # fmt: skip


def partition_edges(
    n: int,
    edges: NDArray[np.integer],
    weights: NDArray[np.floating],
    resolution: float,
    seed: int,
) -> NDArray[np.int64]:
    """The community of each of n nodes, of which pairs (m, 2) have weights (m,)."""
    network = igraph.Graph(n=n)
    for start in range(0, len(edges), _ADDED):
        network.add_edges(edges[start : start + _ADDED])
    with _seeded(seed):
        found = network.community_leiden(
            "modularity", weights=weights, resolution=resolution, n_iterations=_ITERATIONS
        )
    return np.array(found.membership)


def _edges(graph: sparse.csr_matrix) -> tuple[NDArray[np.integer], NDArray[np.floating]]:
    """Pairs of nodes (m, 2), each once, and their weights (m,)."""
    half = sparse.triu(graph, k=1).tocoo()
    return np.stack([half.row, half.col], axis=1), half.data


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Let igraph draw from a generator of our own.

    It takes no seed and does not tell its generator, so that its default, Python's, is put back,
    as scanpy does, too.
    """
    with _SEEDED:
        igraph.set_random_number_generator(random.Random(seed))
        try:
            yield
        finally:
            igraph.set_random_number_generator(random)
