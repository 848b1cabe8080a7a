"""Scores come from blocks of draws; bootstrap samples belong to the same spots for all methods."""

from __future__ import annotations

import tracemalloc
from contextlib import closing

import numpy as np
import pytest

from napari_stem.evaluation.drawn import (
    ArrayDraws,
    GaussianDraws,
    RetrievedDraws,
    StoredDraws,
    UncoupledDraws,
    blocks,
)
from napari_stem.evaluation.groups import interval, sample_weights, spot_groups
from napari_stem.evaluation.scoring import Judge, score
from napari_stem.prediction.draws import DrawStore


def places(n: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(size=(n, 2))


@pytest.fixture
def methods():
    random = np.random.default_rng(0)
    values, mean = random.normal(size=(40, 5)), random.normal(size=(600, 5))
    chosen = random.integers(0, 40, (600, 4))
    return [
        ArrayDraws(random.normal(size=(4, 600, 5))),
        GaussianDraws(mean, np.ones(5), 4),
        GaussianDraws(mean, np.abs(mean), 4),
        RetrievedDraws(values, chosen),
        RetrievedDraws(values, chosen, mean),
        UncoupledDraws(values, chosen),
    ]


def test_a_draw_is_the_same_by_blocks_and_whole(methods):
    for draws in methods:
        found = np.concatenate([draws.read(rows) for rows in blocks(600)], axis=1)
        assert len(found) == draws.n_draws
        for k in range(draws.n_draws):
            np.testing.assert_array_equal(found[k], draws.draw(k))


def test_uncoupled_draws_have_the_same_values_and_no_structure():
    random = np.random.default_rng(0)
    values = np.repeat(random.normal(size=(30, 1)), 8, axis=1)  # all genes are one
    chosen = np.tile(np.arange(30), (500, 1))
    whole, loose = RetrievedDraws(values, chosen), UncoupledDraws(values, chosen)
    rows = slice(0, 256)
    np.testing.assert_array_equal(np.sort(whole.read(rows), 0), np.sort(loose.read(rows), 0))
    off_diagonal = np.corrcoef(loose.draw(0).T)[np.triu_indices(8, 1)]
    # The correlation of 500 independent pairs has a standard error of 0.045.
    assert np.abs(off_diagonal).max() < 0.2


def test_gaussian_draws_have_the_mean_itself_as_their_mean():
    mean = np.random.default_rng(0).normal(size=(300, 3)).astype(np.float32)
    draws = np.stack([GaussianDraws(mean, np.ones(3), 40).draw(k) for k in range(40)])
    np.testing.assert_allclose(draws.mean(axis=0), mean, atol=1e-6)
    assert draws.std() == pytest.approx(np.sqrt(1 + mean.var()), rel=0.02)


def test_draws_on_disk_score_as_those_in_memory(tmp_path):
    random = np.random.default_rng(0)
    values = random.normal(size=(6, 700, 5)).astype(np.float16).astype(np.float32)
    truth, xy = random.normal(size=(700, 3)).astype(np.float32), places(700)
    store = DrawStore.create(tmp_path / "d", key="", n_draws=6, n_spots=700, n_genes=5)
    with closing(store):
        for k in range(6):
            for rows in store.blocks():
                store.write(k, rows, values[k, rows])
        found = Judge(truth, xy, samples=0).judge(StoredDraws(store, 4, [4, 0, 1]))
    assert found.n_draws == 4
    expected = score(values[:4][..., [4, 0, 1]], truth, xy, antithetic=True)
    assert found.scores == pytest.approx(expected)


def test_memory_does_not_grow_with_draws(tmp_path):
    n, c = 12_000, 60
    truth, xy = np.random.default_rng(0).normal(size=(n, c)).astype(np.float32), places(n)
    draws = GaussianDraws(truth, np.ones(c, np.float32), 20)
    tracemalloc.start()
    Judge(truth, xy, samples=10).judge(draws)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 0.5 * 20 * n * c * 4  # half of all draws in float32


def test_groups_are_compact_and_of_equal_size():
    xy = places(1000)
    groups = spot_groups(xy, 64)
    sizes = np.bincount(groups)
    assert len(sizes) == 64
    assert np.ptp(sizes) <= 1
    spread = np.mean([xy[groups == group].std(axis=0) for group in range(64)])
    assert spread < 0.3 / np.sqrt(64) * 1.3  # a unit square has a deviation of 0.29
    np.testing.assert_array_equal(spot_groups(xy[:20], 64), np.arange(20))


def test_the_first_sample_is_all_spots_and_the_others_are_as_large():
    weights = sample_weights(10, 50)
    np.testing.assert_array_equal(weights[0], 1)
    np.testing.assert_array_equal(weights.sum(axis=1), 10)


def test_bootstrap_intervals_have_the_width_of_the_standard_error():
    random = np.random.default_rng(0)
    truth = random.normal(size=(2000, 1))
    judged = Judge(truth, places(2000)).judge(ArrayDraws(np.zeros((1, 2000, 1))))
    low, high = interval(judged.scores["mse"], judged.samples["mse"])
    error = np.sqrt(2 / 2000)  # of the mean of squares of standard Gaussians
    assert high - low == pytest.approx(2 * 1.96 * error, rel=0.3)
    assert low < judged.scores["mse"] < high


def test_a_sample_scores_as_its_spots_repeated():
    """Of a few spots each is a group, so that weights are repetitions."""
    random = np.random.default_rng(0)
    truth, draws = random.normal(size=(12, 5)), random.normal(size=(4, 12, 5))
    judged = Judge(truth, places(12), samples=3).judge(ArrayDraws(draws))
    times = sample_weights(12, 3)[2].astype(int)
    rows = np.repeat(np.arange(12), times)
    expected = score(draws[:, rows], truth[rows], places(12)[rows])
    for name in ("pcc_all", "rvd", "mae", "fair_crps", "energy", "coverage_80", "gsc", "gsc_error"):
        assert judged.samples[name][1] == pytest.approx(expected[name], abs=1e-5), name


def test_paired_differences_are_narrower_than_intervals():
    random = np.random.default_rng(0)
    truth = random.gamma(0.2, size=(300, 20))
    good = truth + random.normal(size=truth.shape)
    judge = Judge(truth, places(300))
    one, other = (judge.judge(ArrayDraws(each[None])) for each in (0.5 * good, 0.45 * good))
    alone = np.ptp(interval(0, one.samples["mse"]))
    assert np.ptp(interval(0, one.samples["mse"] - other.samples["mse"])) < alone / 2
