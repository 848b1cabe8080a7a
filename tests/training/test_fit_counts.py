"""Factors of expression, learned from counts whose factors are known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_stem.events import Progress, finish
from napari_stem.model.negative_binomial import quantile
from napari_stem.model.readout import Counts
from napari_stem.training.fit_counts import CountedSpots, iter_factors, iter_fit_counts

SPOTS, FACTORS, GENES, WIDTH = 300, 2, 20, 6


def make_truth() -> Counts:
    random = torch.Generator().manual_seed(0)
    return Counts(
        base=torch.randn(WIDTH, FACTORS, generator=random) * 0.4,
        spread=torch.full((FACTORS,), 0.6),
        loadings=torch.randn(FACTORS, GENES, generator=random) * 0.6,
        bias=torch.linspace(-1, 3, GENES),
        log_size=torch.full((GENES,), 1.5),
        depth=torch.tensor(0.0),
    )


@pytest.fixture(scope="module")
def truth() -> Counts:
    return make_truth()


@pytest.fixture(scope="module")
def numbers() -> torch.Tensor:
    return torch.randn(SPOTS, FACTORS, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def spots(truth: Counts, numbers: torch.Tensor) -> CountedSpots:
    random = torch.Generator().manual_seed(2)
    condition = torch.randn(SPOTS, WIDTH, generator=random)
    rates = truth.log_rates(condition @ truth.base + numbers * truth.spread).exp()
    noise = torch.randn(SPOTS, GENES, generator=random)
    counts = quantile(noise, rates, truth.log_size.exp())
    return CountedSpots(counts, torch.zeros(SPOTS, 1), condition)


@pytest.fixture(scope="module")
def learned(spots: CountedSpots) -> Counts:
    return finish(iter_fit_counts(spots, FACTORS, torch.full((WIDTH,), 0.1), 0.0, seed=0))


def test_expected_rates_of_new_spots_are_learned(truth, learned):
    condition = torch.randn(200, WIDTH, generator=torch.Generator().manual_seed(3))
    expected, found = (each.log_rates(condition @ each.base) for each in (truth, learned))
    away = expected - truth.bias
    error = (found - expected).pow(2).mean() / away.pow(2).mean()
    assert error < 0.1


def test_genes_vary_together_as_in_truth(truth, learned):
    """Factors are known up to a rotation; the covariance of log rates is not."""
    true, found = ((each.loadings * each.spread[:, None]) for each in (truth, learned))
    r = np.corrcoef((true.T @ true).ravel(), (found.T @ found).ravel())[0, 1]
    assert r > 0.95


def test_sizes_of_frequent_genes_are_learned(truth, learned):
    frequent = truth.bias > 1
    torch.testing.assert_close(
        learned.log_size[frequent].mean(), truth.log_size[frequent].mean(), atol=0.3, rtol=0
    )


def test_counts_tell_the_numbers_of_spots_within_their_spread(truth, spots, numbers):
    factors = finish(iter_factors(truth, spots, seed=0))
    away = (factors.mean - numbers) / factors.spread
    assert float(away.std()) == pytest.approx(1, abs=0.15)
    assert float((factors.mean - numbers).std()) < 0.6 * float(numbers.std())


def test_a_stopped_fit_is_no_result(spots):
    events = iter_fit_counts(spots, FACTORS, torch.zeros(WIDTH), 0.0, seed=0)
    assert isinstance(next(events), Progress)
    events.close()
