"""Baselines equal their definitions, and their spread is honest."""

from __future__ import annotations

import numpy as np
import pytest

from napari_stem.evaluation.baselines import nearest, ridge
from napari_stem.evaluation.metrics import coverage, crps, score


@pytest.fixture
def linear() -> tuple[np.ndarray, ...]:
    """Embeddings whose values are linear in them, with noise of standard deviation 0.5."""
    random = np.random.default_rng(0)
    x = random.normal(3, [1, 10, 0.1, 1, 1], size=(500, 5)).astype(np.float32)
    weights = random.normal(size=(5, 7)) / [[1], [10], [0.1], [1], [1]]
    y = (x @ weights + 4 + 0.5 * random.normal(size=(500, 7))).astype(np.float32)
    return x[:300], y[:300], x[300:], y[300:]


def test_ridge_solves_the_normal_equations(linear):
    train_x, train_y, test_x, _ = linear
    mean, std = train_x.mean(axis=0), train_x.std(axis=0)
    x, offset = (train_x - mean) / std, train_y.mean(axis=0)
    weights = np.linalg.solve(x.T @ x + 100 * np.eye(5), x.T @ (train_y - offset))
    expected = (test_x - mean) / std @ weights + offset
    np.testing.assert_allclose(ridge(*linear[:3]).mean(axis=0), expected, atol=1e-3)


def test_the_spread_of_ridge_is_its_error_on_unseen_spots(linear):
    *known, truth = linear
    draws = ridge(*known, alpha=1.0)
    # 1,400 values around 0.9: three standard errors are 0.024.
    assert coverage(draws, truth) == pytest.approx(0.9, abs=0.03)
    # The CRPS of a Gaussian around its mean is 0.564 of its deviation on average.
    assert crps(draws, truth) == pytest.approx(0.5 / np.sqrt(np.pi), rel=0.05)


def test_ridge_does_not_trust_a_fit_with_more_numbers_than_spots():
    random = np.random.default_rng(0)
    x, y = random.normal(size=(80, 300)), random.normal(size=(80, 20))
    test_x, test_y = random.normal(size=(200, 300)), random.normal(size=(200, 20))
    draws = ridge(x[:40], y[:40], test_x, alpha=1.0)
    assert coverage(draws, test_y) == pytest.approx(0.9, abs=0.06)


def test_nearest_retrieves_the_values_of_the_nearest_spots_at_equal_scales():
    train_x = np.array([[0, 0], [1, 0], [0, 1000], [1, 1000]], dtype=np.float32)
    train_y = np.array([[1], [2], [3], [4]], dtype=np.float32)
    found = nearest(train_x, train_y, np.array([[0.9, 900]], dtype=np.float32), k=1)
    np.testing.assert_array_equal(found, [[[4]]])


def test_nearest_takes_all_spots_where_there_are_fewer_than_asked_for():
    random = np.random.default_rng(0)
    x, y = random.normal(size=(6, 3)), random.normal(size=(6, 2))
    found = nearest(x, y, random.normal(size=(4, 3)))
    assert found.shape == (6, 4, 2)
    np.testing.assert_allclose(found.mean(axis=0), np.tile(y.mean(axis=0), (4, 1)))


def test_a_constant_number_of_the_embedding_does_no_harm(linear):
    *known, _ = linear
    padded = [np.column_stack([x, np.ones(len(x))]) for x in (known[0], known[2])]
    for baseline in (ridge, nearest):
        with_constant = baseline(padded[0], known[1], padded[1])
        np.testing.assert_allclose(with_constant, baseline(*known), atol=1e-4)


@pytest.mark.parametrize(("spots", "genes"), [(30, 1), (2, 3), (2, 1)])
def test_one_gene_and_two_spots_are_enough(spots, genes):
    random = np.random.default_rng(0)
    train_x, train_y = random.normal(size=(spots, 5)), random.normal(size=(spots, genes))
    for baseline in (ridge, nearest):
        draws = baseline(train_x, train_y, train_x)
        assert draws.shape[1:] == (spots, genes)
        assert all(np.isfinite(value) for value in score(draws, train_y).values())
