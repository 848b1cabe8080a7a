"""Metrics equal hand-computed cases, closed forms and independent implementations."""

from __future__ import annotations

import numpy as np
import pytest
import scanpy as sc
from scipy.stats import norm, pearsonr

from napari_stem.analysis.morans_i import morans_i, neighbour_graph
from napari_stem.evaluation.drawn import ArrayDraws, GaussianDraws
from napari_stem.evaluation.metrics import BRIEF, METRICS
from napari_stem.evaluation.scoring import Judge, score
from napari_stem.evaluation.sums import central_interval, energy_score, fair_crps, pit_histogram

TRUTH = np.array([[0.0, 1.0, 2.0], [1.0, 1.0, 0.0], [2.0, 1.0, 4.0]])  # gene 1 is constant
LATTICE = np.stack(np.meshgrid(np.arange(10.0), np.arange(20.0)), -1).reshape(-1, 2)


def gene_pcc(prediction: np.ndarray, truth: np.ndarray) -> np.ndarray:
    return Judge(truth, samples=0).judge(ArrayDraws(prediction[None])).genes["pcc"]


def shared_noise(seed: int, genes: int = 12) -> np.ndarray:
    """Values on the lattice: genes in two programmes, each smooth over the tissue."""
    random = np.random.default_rng(seed)
    waves = np.sin(LATTICE @ random.normal(size=(2, 2)) / 2)
    weights = random.normal(size=(2, genes))
    return (waves @ weights + 0.3 * random.normal(size=(200, genes))).astype(np.float32)


def test_correlation_by_hand():
    # Gene 0 is predicted exactly up to scale, gene 2 the wrong way round.
    prediction = np.array([[0.0, 5.0, -1.0], [2.0, 6.0, 0.0], [4.0, 7.0, -2.0]])
    np.testing.assert_allclose(gene_pcc(prediction, TRUTH), [1.0, np.nan, -1.0], atol=1e-12)


def test_correlation_agrees_with_scipy():
    random = np.random.default_rng(0)
    truth = 1000 + random.normal(size=(300, 6))
    prediction = truth + random.normal(size=truth.shape)
    expected = [pearsonr(prediction[:, i], truth[:, i]).statistic for i in range(6)]
    np.testing.assert_allclose(gene_pcc(prediction, truth), expected, rtol=1e-9)
    assert score(prediction, truth)["pcc_all"] == pytest.approx(np.mean(expected))


def test_pcc_k_leaves_out_genes_with_constant_truth_and_takes_all_when_k_is_large():
    prediction = np.array([[0.0, 5.0, 0.0], [2.0, 6.0, 1.0], [4.0, 7.0, 2.0]])
    gene_2 = (2 / 3) / np.sqrt(2 / 3 * 8 / 3)  # covariance over standard deviations
    scores = score(prediction, TRUTH)
    assert scores["pcc_10"] == scores["pcc_all"] == pytest.approx((1 + gene_2) / 2)
    many = np.random.default_rng(0).normal(size=(2, 30, 60))
    highest = sorted(gene_pcc(*many))
    assert score(*many)["pcc_10"] == pytest.approx(np.mean(highest[-10:]))
    assert score(*many)["pcc_50"] == pytest.approx(np.mean(highest[-50:]))


def test_a_constant_prediction_counts_as_no_correlation():
    prediction = TRUTH.copy()
    prediction[:, 2] = 0.1
    assert gene_pcc(prediction, TRUTH)[2] == 0
    assert score(prediction, TRUTH)["pcc_all"] == pytest.approx(0.5)


def test_relative_variation_distance_by_hand():
    # Gene 0: half the deviation, a quarter of the variance. Gene 2: twice, four times.
    scores = score(TRUTH * [0.5, 9.0, 2.0], TRUTH)
    assert scores["rvd"] == scores["rvd_median"] == pytest.approx(((1 / 4 - 1) ** 2 + 9) / 2)
    assert score(np.zeros_like(TRUTH), TRUTH)["rvd"] == pytest.approx(1.0)


def test_one_silent_gene_rules_the_mean_but_not_the_median_of_rvd():
    random = np.random.default_rng(0)
    truth = random.normal(size=(50, 9))
    truth[:, 0] *= 1e-3
    scores = score(random.normal(size=(50, 9)), truth)
    assert scores["rvd"] > 1e3
    assert scores["rvd_median"] < 1


def test_errors_by_hand():
    scores = score(TRUTH + np.array([[1, -1, 0], [0, 0, 0], [0, 0, 3]]), TRUTH)
    assert scores["mae"] == pytest.approx(5 / 9)
    assert scores["mse"] == pytest.approx(11 / 9)


def test_fair_crps_agrees_with_all_pairs_of_different_draws():
    random = np.random.default_rng(1)
    draws, truth = random.normal(size=(7, 5, 3)), random.normal(size=(5, 3))
    pairs = np.abs(draws[:, None] - draws[None]).sum(axis=(0, 1)) / (7 * 6)
    expected = np.abs(draws - truth).mean(axis=0) - pairs / 2
    np.testing.assert_allclose(fair_crps(draws, truth), expected, rtol=1e-12)
    assert score(draws, truth)["fair_crps"] == pytest.approx(expected.mean())


def test_the_energy_score_agrees_with_all_pairs_and_is_crps_for_one_gene():
    random = np.random.default_rng(1)
    draws, truth = random.normal(size=(6, 5, 4)), random.normal(size=(5, 4))
    pairs = np.linalg.norm(draws[:, None] - draws[None], axis=-1).sum(axis=(0, 1)) / (6 * 5)
    expected = np.linalg.norm(draws - truth, axis=-1).mean(axis=0) - pairs / 2
    np.testing.assert_allclose(energy_score(draws, truth), expected, rtol=1e-9)
    assert score(draws, truth)["energy"] == pytest.approx(expected.mean())
    one = draws[..., :1], truth[:, :1]
    np.testing.assert_allclose(energy_score(*one), fair_crps(*one)[:, 0], rtol=1e-9)


@pytest.mark.parametrize(
    ("n_draws", "antithetic"), [(2, False), (20, False), (4, True), (20, True)]
)
def test_fair_scores_of_few_draws_are_those_of_their_distribution(n_draws, antithetic):
    random = np.random.default_rng(0)
    shape = (200, 300)
    draws = random.standard_normal((n_draws, *shape))
    if antithetic:
        draws = GaussianDraws(np.zeros(shape), np.ones(300), n_draws).read(slice(0, 200))
    # The expected CRPS of a standard Gaussian against itself is 1 / sqrt(pi) (Gneiting, Raftery
    # 2007, eq. 22); 60,000 spots and genes have a standard error of 0.002 at two draws.
    found = fair_crps(draws, random.standard_normal(shape), antithetic=antithetic)
    assert found.mean() == pytest.approx(1 / np.sqrt(np.pi), abs=0.008)


def test_crps_of_a_gaussian_is_its_closed_form():
    quantiles = norm.ppf((np.arange(4000) + 0.5) / 4000)[:, None, None]
    z = 0.7
    expected = z * (2 * norm.cdf(z) - 1) + 2 * norm.pdf(z) - 1 / np.sqrt(np.pi)
    assert fair_crps(quantiles, np.array([[z]])) == pytest.approx(expected, abs=1e-3)


def test_intervals_are_weibulls():
    draws = np.random.default_rng(0).normal(size=(20, 6, 4))
    found = central_interval(np.sort(draws, axis=0), 0.8)
    expected = np.quantile(draws, [0.1, 0.9], axis=0, method="weibull")
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("n_draws", [9, 20, 50])
def test_calibrated_draws_cover_what_they_claim(n_draws):
    random = np.random.default_rng(n_draws)
    truth = random.gamma(2.0, size=(100, 200))
    scores = score(random.gamma(2.0, size=(n_draws, *truth.shape)), truth)
    for level in (50, 80):
        # 20,000 values: five standard errors of a share of 0.5 are 0.018.
        assert scores[f"coverage_{level}"] == pytest.approx(level / 100, abs=0.018)


def test_draws_that_are_too_narrow_cover_less():
    random = np.random.default_rng(0)
    truth, draws = random.normal(size=(100, 50)), random.normal(size=(20, 100, 50))
    assert score(draws / 3, truth)["coverage_90"] < 0.5
    assert score(draws * 3, truth)["coverage_90"] > 0.98


def test_the_pit_of_calibrated_counts_is_flat_and_of_narrow_draws_is_a_valley():
    random = np.random.default_rng(0)
    truth, draws = random.poisson(0.7, (400, 50)), random.poisson(0.7, (20, 400, 50))
    flat = pit_histogram(draws, truth).sum(axis=0) / truth.size
    # 20,000 values: five standard errors of a share of 0.1 are 0.011; most values are ties.
    np.testing.assert_allclose(flat, 0.1, atol=0.011)
    truth, draws = random.normal(size=(400, 5)), random.normal(size=(20, 400, 5)) / 3
    valley = pit_histogram(draws, truth).sum(axis=0) / truth.size
    assert valley[0] > 0.25
    assert valley[4] < 0.05
    by_rank = np.histogram((draws < truth).sum(axis=0) / 21 + 1 / 42, 10, (0, 1))[0] / truth.size
    np.testing.assert_allclose(valley, by_rank, atol=0.03)


def test_gene_structure_agrees_with_correlation_matrices():
    truth, draws = shared_noise(0), np.stack([shared_noise(1), shared_noise(0)[::-1]])
    pairs = np.triu_indices(12, 1)
    true = np.corrcoef(truth.T)[pairs]
    drawn = [np.corrcoef(draw.T)[pairs] for draw in draws]
    scores = score(draws, truth, LATTICE)
    expected = np.mean([pearsonr(each, true).statistic for each in drawn])
    assert scores["gsc"] == pytest.approx(expected, abs=1e-4)
    expected = np.mean([np.abs(each - true).mean() for each in drawn])
    assert scores["gsc_error"] == pytest.approx(expected, abs=1e-4)


def test_spatial_structure_agrees_with_scanpy():
    truth, draw = shared_noise(0), shared_noise(1)
    graph = neighbour_graph(LATTICE)
    true, drawn = (sc.metrics.morans_i(graph, values.T) for values in (truth, draw))
    scores = score(draw, truth, LATTICE)
    assert scores["ssc"] == pytest.approx(pearsonr(drawn, true).statistic, abs=1e-4)
    assert scores["ssc_ratio"] == pytest.approx(drawn.mean() / true.mean(), rel=1e-4)
    np.testing.assert_allclose(morans_i(truth, graph), true, atol=1e-4)


def test_structure_is_that_of_single_draws_and_not_of_their_mean():
    truth = shared_noise(0)
    draws = np.stack([np.random.default_rng(seed).permutation(truth) for seed in range(4)])
    scores = score(draws, truth, LATTICE)
    assert scores["gsc"] == pytest.approx(1, abs=1e-3)
    assert scores["ssc_ratio"] == pytest.approx(0, abs=0.1)
    assert scores["pcc_all"] < 0.2


def test_values_without_spread_score_their_absolute_error():
    random = np.random.default_rng(0)
    prediction, truth = random.normal(size=(2, 8, 4))
    scores = score(prediction, truth)
    assert scores["fair_crps"] == pytest.approx(scores["mae"])
    assert scores["coverage_90"] == 0


def test_the_mean_of_draws_is_what_correlation_and_errors_judge():
    random = np.random.default_rng(0)
    truth, draws = random.normal(size=(8, 60)), random.normal(size=(5, 8, 60))
    scores, mean = score(draws, truth), score(draws.mean(axis=0), truth)
    for name in ("mse", "mae", "rvd", "rvd_median", "pcc_10", "pcc_50", "pcc_all"):
        assert scores[name] == pytest.approx(mean[name])
    assert scores["pcc_10"] > scores["pcc_50"] > scores["pcc_all"]


def test_half_precision_draws_lose_nothing_to_their_sums():
    draws = np.full((20, 500, 4), 11.1, dtype=np.float16) + np.arange(4, dtype=np.float16) / 8
    truth = draws[0].astype(np.float32)
    assert score(draws, truth)["mae"] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("truth", [np.zeros((4, 3)), TRUTH])
@pytest.mark.parametrize("scale", [0.0, 1.0])
def test_no_metric_is_ever_nan(truth, scale):
    draws = scale * np.random.default_rng(0).normal(size=(3, len(truth), 3))
    scores = score(draws, truth, LATTICE[: len(truth)])
    assert set(scores) == set(METRICS)
    assert all(np.isfinite(value) for value in scores.values())


@pytest.mark.parametrize("metric", METRICS.values(), ids=lambda metric: metric.name)
def test_a_metric_finds_draws_of_the_truth_better_than_others(metric):
    random = np.random.default_rng(0)
    truth = np.tile(shared_noise(0), 5)
    near = truth + 0.3 * random.normal(size=truth.shape)  # the truth is as a further draw
    good = near + 0.3 * random.normal(size=(20, *truth.shape))
    bad = 5 + 0.1 * random.normal(size=(20, *truth.shape))
    better, worse = (score(draws, truth, LATTICE)[metric.name] for draws in (good, bad))
    assert metric.loss(better) < metric.loss(worse)
    assert metric.heading
    assert metric.tooltip.endswith(".")
    assert float(metric.text(better)) == pytest.approx(better, abs=10**-metric.digits)


@pytest.mark.parametrize("n_draws", [18, 19, 38, 39])
def test_few_draws_cannot_cover_much_and_the_tooltip_says_so(n_draws):
    truth, *draws = np.random.default_rng(0).normal(size=(n_draws + 1, 400, 50))
    scores = score(np.array(draws), truth)
    for level, fewest in ((90, 19), (95, 39)):
        metric = METRICS[f"coverage_{level}"]
        assert f"Fewer than {fewest} draws" in metric.tooltip
        # 20,000 values: five standard errors of a share of 0.9 are 0.011.
        reached = scores[metric.name] > level / 100 - 0.011
        assert reached or n_draws < fewest


def test_those_told_first_are_metrics():
    assert {metric.name for metric in BRIEF} <= set(METRICS)
