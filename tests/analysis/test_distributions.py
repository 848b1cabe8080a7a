"""Densities of many and of few values, and those of clusters."""

from __future__ import annotations

import numpy as np
from scipy.stats import gaussian_kde

from napari_stem.analysis.distributions import axis, by_cluster, density
from napari_stem.analysis.labels import Clusters


def test_values_in_bins_have_the_density_of_the_values():
    along, random = axis((0, 8)), np.random.default_rng(0)
    many = random.normal(4, 0.8, 20_000).astype(np.float32)
    expected = gaussian_kde(many, bw_method="silverman")(along)
    # A bin is a tenth as wide as a kernel.
    np.testing.assert_allclose(density(many, along), expected / expected.max(), atol=0.01)


def test_clusters_share_an_axis_and_those_without_spots_have_no_row():
    clusters = Clusters.of_numbers(np.array([1, 1, 3, 3, 0], np.uint16)).renamed(3, "tumour")
    values = np.array([1, 2, 5, 5.5, 9], np.float32)
    rows, ends = by_cluster(values, clusters)
    assert [(row.name, row.mean) for row in rows] == [("Cluster 1", 1.5), ("tumour", 5.25)]
    assert ends == (0, 9)
    peak = axis(ends)[rows[1].density.argmax()]
    assert 5 <= peak <= 5.5
