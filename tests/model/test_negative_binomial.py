"""Counts against scipy's negative binomial."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import nbinom, norm

from napari_stem.model.negative_binomial import log_likelihood, quantile

MEANS = np.array([0.01, 0.4, 3.0, 20.0, 49.0])
SIZES = np.array([0.3, 2.0, 40.0, 1e4])


@pytest.mark.parametrize("size", SIZES)
def test_quantiles_of_few_counts_are_those_of_scipy(size):
    normal = np.linspace(-4, 4, 81)
    found = quantile(*map(torch.from_numpy, np.broadcast_arrays(normal[:, None], MEANS, size)))
    expected = nbinom.ppf(norm.cdf(normal)[:, None], size, size / (size + MEANS))
    np.testing.assert_array_equal(found.numpy(), expected)


@pytest.mark.parametrize("mean", [60.0, 500.0, 8000.0])
@pytest.mark.parametrize("size", [2.0, 40.0])
def test_quantiles_of_many_counts_are_close(mean, size):
    normal = np.linspace(-2.5, 2.5, 51)
    found = quantile(torch.from_numpy(normal), torch.tensor(mean), torch.tensor(size)).numpy()
    expected = nbinom.ppf(norm.cdf(normal), size, size / (size + mean))
    np.testing.assert_allclose(found, expected, rtol=0.02, atol=1.5)


def test_likelihoods_differ_from_those_of_scipy_by_a_constant_of_the_counts():
    counts = np.arange(30.0)[:, None]
    ours = log_likelihood(
        *(torch.from_numpy(x) for x in (counts, np.log(MEANS), np.log(2 + 0 * MEANS)))
    )
    theirs = nbinom.logpmf(counts, 2, 2 / (2 + MEANS))
    difference = ours.numpy() - theirs
    np.testing.assert_allclose(
        difference, np.broadcast_to(difference[:, :1], difference.shape), atol=1e-9
    )


def test_mean_and_variance_of_many_draws():
    normal = torch.randn(200_000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    counts = quantile(normal, torch.tensor(5.0), torch.tensor(1.5))
    assert counts.mean() == pytest.approx(5, rel=0.02)
    assert counts.var() == pytest.approx(5 + 25 / 1.5, rel=0.03)
