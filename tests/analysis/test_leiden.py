"""Communities agree with scanpy's, and are the same in a child process."""

from __future__ import annotations

import random
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import igraph
import numpy as np
import pytest
import scanpy as sc
from anndata import AnnData
from scipy import sparse
from sklearn.metrics import adjusted_rand_score

from napari_stem.analysis import leiden
from napari_stem.analysis.leiden import partition, partition_apart
from napari_stem.events import go_on


@pytest.fixture(scope="module")
def graph() -> AnnData:
    """Three groups that touch, with scanpy's neighbour graph."""
    rng = np.random.default_rng(0)
    truth = np.repeat(np.arange(3), 50)
    values = rng.normal(0, 2, (3, 10))[truth] + rng.normal(size=(150, 10))
    table = AnnData(values.astype(np.float32))
    sc.pp.neighbors(table, transformer="sklearn", use_rep="X")
    return table


def modularity(weights: sparse.csr_matrix, membership: np.ndarray) -> float:
    """Newman's definition, edge by edge."""
    a = weights.toarray()
    degree, total = a.sum(axis=0), a.sum()
    same = membership[:, None] == membership
    return float(((a - np.outer(degree, degree) / total) * same).sum() / total)


def test_communities_are_those_of_scanpy(graph):
    ours = partition(graph.obsp["connectivities"], resolution=1.0, seed=0)
    sc.tl.leiden(graph, flavor="igraph", n_iterations=2, directed=False)
    theirs = graph.obs["leiden"].cat.codes.to_numpy()
    weights = graph.obsp["connectivities"]
    # Both are heuristics with random numbers of their own: equally good, and nearly the same.
    assert modularity(weights, ours) == pytest.approx(modularity(weights, theirs), rel=0.02)
    assert adjusted_rand_score(ours, theirs) > 0.8


def test_a_higher_resolution_gives_more(graph):
    counts = [
        len(set(partition(graph.obsp["connectivities"], resolution=resolution, seed=0)))
        for resolution in (0.1, 3.0, 10.0)
    ]
    assert counts[0] < counts[1] < counts[2]


def test_a_child_process_finds_the_same(graph, monkeypatch):
    weights = graph.obsp["connectivities"]
    here = partition(weights, resolution=2.0, seed=3)
    monkeypatch.setattr(leiden, "igraph", None)  # it may not be done here
    apart = partition_apart(weights, resolution=2.0, seed=3, check=go_on)
    np.testing.assert_array_equal(apart, here)


def test_a_graph_larger_than_a_pipe_reaches_the_child(monkeypatch):
    n = 20_000
    near = sparse.diags([np.ones(n - k) for k in (1, 2, 3)], (1, 2, 3), format="csr")
    weights = (near + near.T).tocsr()
    here = partition(weights, resolution=1.0, seed=0)
    monkeypatch.setattr(leiden, "igraph", None)  # it may not be done here
    start = time.monotonic()

    def soon() -> None:
        assert time.monotonic() - start < 120, "the child waits for its order"

    apart = partition_apart(weights, resolution=1.0, seed=0, check=soon)
    np.testing.assert_array_equal(apart, here)


def test_where_no_child_can_be_started_it_is_done_here(graph, monkeypatch):
    weights = graph.obsp["connectivities"]
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    apart = partition_apart(weights, resolution=2.0, seed=3, check=go_on)
    np.testing.assert_array_equal(apart, partition(weights, resolution=2.0, seed=3))


def test_threads_that_divide_at_once_do_not_disturb_each_other(graph):
    weights, seeds = graph.obsp["connectivities"], [0, 1, 2, 3] * 2
    alone = [partition(weights, resolution=2.0, seed=seed) for seed in seeds]
    with ThreadPoolExecutor(8) as threads:
        together = threads.map(lambda seed: partition(weights, resolution=2.0, seed=seed), seeds)
    np.testing.assert_array_equal(list(together), alone)


def test_random_numbers_of_python_and_of_igraph_go_on_as_they_would(graph):
    def numbers() -> tuple[float, list[tuple[int, int]]]:
        return random.random(), igraph.Graph.Erdos_Renyi(n=20, m=30).get_edgelist()

    random.seed(5)
    expected = numbers()
    random.seed(5)
    partition(graph.obsp["connectivities"], resolution=1.0, seed=0)
    assert numbers() == expected
