"""Metrics equal hand-computed cases, closed forms and independent implementations."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm, pearsonr

from napari_stem.evaluation.metrics import (
    BRIEF,
    METRICS,
    coverage,
    crps,
    mae,
    mse,
    pcc,
    pcc_at,
    rvd,
    score,
)

TRUTH = np.array([[0.0, 1.0, 2.0], [1.0, 1.0, 0.0], [2.0, 1.0, 4.0]])  # gene 1 is constant


def test_correlation_by_hand():
    # Gene 0 is predicted exactly up to scale, gene 2 the wrong way round.
    prediction = np.array([[0.0, 5.0, -1.0], [2.0, 6.0, 0.0], [4.0, 7.0, -2.0]])
    np.testing.assert_allclose(pcc(prediction, TRUTH), [1.0, 0.0, -1.0], atol=1e-12)


def test_correlation_agrees_with_scipy():
    random = np.random.default_rng(0)
    truth = random.normal(size=(30, 6))
    prediction = truth + random.normal(size=truth.shape)
    expected = [pearsonr(prediction[:, i], truth[:, i]).statistic for i in range(6)]
    np.testing.assert_allclose(pcc(prediction, truth), expected, rtol=1e-12)
    assert pcc_at(prediction, truth, 2) == pytest.approx(np.mean(sorted(expected)[-2:]))


def test_pcc_k_leaves_out_genes_with_constant_truth_and_takes_all_when_k_is_large():
    prediction = np.array([[0.0, 5.0, 0.0], [2.0, 6.0, 1.0], [4.0, 7.0, 2.0]])
    gene_2 = (2 / 3) / np.sqrt(2 / 3 * 8 / 3)  # covariance over standard deviations
    assert pcc_at(prediction, TRUTH, 1) == pytest.approx(1.0)
    assert pcc_at(prediction, TRUTH, 300) == pytest.approx((1 + gene_2) / 2)


def test_a_constant_prediction_counts_as_no_correlation():
    prediction = TRUTH.copy()
    prediction[:, 2] = 0.1
    assert pcc(prediction, TRUTH)[2] == 0
    assert pcc_at(prediction, TRUTH, 300) == pytest.approx(0.5)


def test_relative_variation_distance_by_hand():
    # Gene 0: half the deviation, a quarter of the variance. Gene 2: twice, four times.
    prediction = TRUTH * [0.5, 9.0, 2.0]
    assert rvd(prediction, TRUTH) == pytest.approx(((1 / 4 - 1) ** 2 + (4 - 1) ** 2) / 2)
    assert rvd(np.zeros_like(TRUTH), TRUTH) == pytest.approx(1.0)


def test_errors_by_hand():
    prediction = TRUTH + np.array([[1, -1, 0], [0, 0, 0], [0, 0, 3]])
    assert mae(prediction, TRUTH) == pytest.approx(5 / 9)
    assert mse(prediction, TRUTH) == pytest.approx(11 / 9)


def test_crps_by_hand():
    # Draws 0 and 2, truth 1: E|X - y| = 1; pairs |0-0|, |0-2|, |2-0|, |2-2| average 1.
    assert crps(np.array([[[0.0]], [[2.0]]]), np.array([[1.0]])) == pytest.approx(0.5)


def test_crps_agrees_with_all_pairs():
    random = np.random.default_rng(1)
    draws, truth = random.normal(size=(7, 5, 3)), random.normal(size=(5, 3))
    pairs = np.abs(draws[:, None] - draws[None]).mean(axis=(0, 1))
    expected = (np.abs(draws - truth).mean(axis=0) - pairs / 2).mean()
    assert crps(draws, truth) == pytest.approx(expected)


def test_crps_of_a_gaussian_is_its_closed_form():
    # Gneiting and Raftery 2007, eq. 22.
    quantiles = norm.ppf((np.arange(4000) + 0.5) / 4000)[:, None, None]
    z = 0.7
    expected = z * (2 * norm.cdf(z) - 1) + 2 * norm.pdf(z) - 1 / np.sqrt(np.pi)
    assert crps(quantiles, np.array([[z]])) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("n_draws", [9, 20, 50])
def test_calibrated_draws_cover_what_they_claim(n_draws):
    random = np.random.default_rng(n_draws)
    truth = random.gamma(2.0, size=(100, 200))
    draws = random.gamma(2.0, size=(n_draws, *truth.shape))
    # 20,000 values: five standard errors of a share of 0.8 are 0.014.
    assert coverage(draws, truth, level=0.8) == pytest.approx(0.8, abs=0.014)


def test_draws_that_are_too_narrow_cover_less():
    random = np.random.default_rng(0)
    truth, draws = random.normal(size=(100, 50)), random.normal(size=(20, 100, 50))
    assert coverage(draws / 3, truth) < 0.5
    assert coverage(draws * 3, truth) > 0.98


def test_values_without_spread_score_their_absolute_error():
    random = np.random.default_rng(0)
    prediction, truth = random.normal(size=(2, 8, 4))
    scores = score(prediction, truth)
    assert scores["crps"] == pytest.approx(scores["mae"])
    assert scores["coverage"] == 0


def test_the_mean_of_draws_is_what_correlation_and_errors_judge():
    random = np.random.default_rng(0)
    truth, draws = random.normal(size=(8, 60)), random.normal(size=(5, 8, 60))
    scores, mean = score(draws, truth), draws.mean(axis=0)
    assert scores["mse"] == pytest.approx(mse(mean, truth))
    assert scores["rvd"] == pytest.approx(rvd(mean, truth))
    assert scores["pcc_10"] == pytest.approx(pcc_at(mean, truth, 10))
    assert scores["pcc_10"] > scores["pcc_50"] > scores["pcc_all"]


def test_half_precision_draws_lose_nothing_to_their_sums():
    draws = np.full((20, 500, 4), 11.1, dtype=np.float16) + np.arange(4, dtype=np.float16) / 8
    truth = draws[0].astype(np.float32)
    assert score(draws, truth)["mae"] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("truth", [np.zeros((4, 3)), TRUTH])
@pytest.mark.parametrize("scale", [0.0, 1.0])
def test_no_metric_is_ever_nan(truth, scale):
    draws = scale * np.random.default_rng(0).normal(size=(3, len(truth), 3))
    assert all(np.isfinite(value) for value in score(draws, truth).values())


@pytest.mark.parametrize("metric", METRICS.values(), ids=lambda metric: metric.name)
def test_a_metric_finds_draws_of_the_truth_better_than_others(metric):
    random = np.random.default_rng(0)
    truth = random.normal(size=(200, 60))
    near = truth + 0.5 * random.normal(size=truth.shape)  # the truth is as a further draw
    good = near + 0.5 * random.normal(size=(20, *truth.shape))
    bad = 5 + 0.1 * random.normal(size=(20, *truth.shape))
    better, worse = (score(draws, truth)[metric.name] for draws in (good, bad))
    assert metric.loss(better) < metric.loss(worse)
    assert metric.heading
    assert metric.tooltip.endswith(".")
    assert float(metric.text(better)) == pytest.approx(better, abs=10**-metric.digits)


def test_those_told_first_are_metrics():
    assert {metric.name for metric in BRIEF} <= set(METRICS)
