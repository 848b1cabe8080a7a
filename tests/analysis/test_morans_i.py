"""Moran's I beside scanpy's."""

from __future__ import annotations

import numpy as np
import scanpy as sc

from napari_stem.analysis.morans_i import morans_i, neighbour_graph

RANDOM = np.random.default_rng(0)


def test_it_equals_scanpys_and_tells_patches_from_noise():
    xy = RANDOM.uniform(0, 1000, (400, 2))
    values = np.column_stack([xy[:, 0], RANDOM.normal(size=400), np.sin(xy[:, 1] / 200)])
    graph = neighbour_graph(xy)
    found = morans_i(values.astype(np.float32), graph)
    np.testing.assert_allclose(found, sc.metrics.morans_i(graph, values.T), atol=1e-3)
    assert found[0] > 0.8
    assert found[2] > 0.8
    assert abs(found[1]) < 0.1


def test_a_high_level_does_not_hide_the_pattern():
    xy = RANDOM.uniform(0, 1000, (400, 2))
    wave = np.sin(xy[:, :1] / 200).astype(np.float32)
    graph = neighbour_graph(xy)
    lifted = morans_i(wave + np.float32(1000), graph)
    np.testing.assert_allclose(lifted, morans_i(wave, graph), rtol=1e-3)


def test_each_spot_has_its_six_nearest_others():
    xy = RANDOM.uniform(0, 1000, (50, 2))
    graph = neighbour_graph(xy).toarray()
    distance = np.hypot(*(xy[:, None] - xy).transpose(2, 0, 1))
    np.testing.assert_array_equal(graph.sum(axis=1), 6)
    for row in range(50):
        assert set(np.flatnonzero(graph[row])) == set(np.argsort(distance[row])[1:7])


def test_a_constant_gene_and_a_pair_of_spots_have_a_figure():
    graph = neighbour_graph(np.array([[0.0, 0.0], [1.0, 0.0]]))
    assert morans_i(np.ones((2, 1), np.float32), graph) == 0
