"""Baselines equal their definitions, are tuned on left-out sections, and their spread is honest."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import KDTree
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_predict
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from napari_stem.evaluation.baselines import ALPHAS, BASELINES, NEIGHBOURS, Tuned, baseline_draws
from napari_stem.evaluation.drawn import blocks
from napari_stem.evaluation.folds import folds
from napari_stem.evaluation.scoring import score
from napari_stem.sections.paired_data import PairedData


def paired(x: np.ndarray, y: np.ndarray, n_sections: int = 3) -> PairedData:
    n = len(x)
    return PairedData(
        tuple(f"G{i}" for i in range(y.shape[1])),
        x[:, None].astype(np.float32),
        y.astype(np.float32),
        np.stack([np.arange(n), np.zeros(n)], 1).astype(float),
        np.arange(n) * n_sections // n,
    )


def drawn(known: PairedData, new: np.ndarray, name: str) -> np.ndarray:
    ((_, draws),) = baseline_draws(known, new.astype(np.float32), [name])
    return np.concatenate([draws.read(rows) for rows in blocks(len(new))], axis=1)


@pytest.fixture
def linear():
    """Embeddings whose values are linear in them, with noise of standard deviation 0.5."""
    random = np.random.default_rng(0)
    x = random.normal(3, [1, 10, 0.1, 1, 1], size=(500, 5))
    weights = random.normal(size=(5, 7)) / [[1], [10], [0.1], [1], [1]]
    y = x @ weights + 4 + 0.5 * random.normal(size=(500, 7))
    return paired(x[:300], y[:300]), x[300:], y[300:]


@pytest.fixture
def noisy():
    """Many numbers, few of which matter, and shared noise."""
    random = np.random.default_rng(0)
    x = random.normal(size=(360, 60))
    y = x[:, :3] @ random.normal(size=(3, 8)) + random.normal(size=(360, 1)) * np.ones(8)
    return paired(x[:240], y[:240]), x[240:], y[240:]


def grid_search(model, name, values, known):
    search = GridSearchCV(
        make_pipeline(StandardScaler(), model), {name: list(values)},
        scoring="neg_mean_squared_error", cv=GroupKFold(3),
    )  # fmt: skip
    return search.fit(known.original, known.values, groups=known.section)


def test_ridge_is_scikit_learns_with_the_penalty_of_its_grid_search(noisy):
    known, new, _ = noisy
    search = grid_search(Ridge(), "ridge__alpha", ALPHAS, known)
    assert Tuned(known, new).alpha == pytest.approx(search.best_params_["ridge__alpha"])
    assert 1 < search.best_params_["ridge__alpha"] < 1e4
    expected = search.predict(new)
    np.testing.assert_allclose(drawn(known, new, "ridge").mean(axis=0), expected, atol=1e-3)


def test_k_is_that_of_a_grid_search(noisy):
    known, new, _ = noisy
    search = grid_search(
        KNeighborsRegressor(), "kneighborsregressor__n_neighbors", NEIGHBOURS, known
    )
    assert Tuned(known, new).k == search.best_params_["kneighborsregressor__n_neighbors"]
    found = drawn(known, new, "k-NN").mean(axis=0)
    np.testing.assert_allclose(found, search.predict(new), atol=1e-4)


def test_residuals_are_those_of_sections_left_out(noisy):
    known, new, _ = noisy
    tuned = Tuned(known, new)
    expected = known.values - cross_val_predict(
        make_pipeline(StandardScaler(), Ridge(tuned.alpha)),
        known.original, known.values, groups=known.section, cv=GroupKFold(3),
    )  # fmt: skip
    np.testing.assert_allclose(tuned.residuals, expected, atol=1e-3)


def test_joint_draws_are_whole_vectors_of_near_training_spots(noisy):
    known, new, _ = noisy
    tuned = Tuned(known, new)
    added = drawn(known, new, "ridge joint") - tuned.regression
    for found, vectors in (
        (drawn(known, new, "k-NN joint"), known.values), (added, tuned.residuals)
    ):  # fmt: skip
        apart, _ = KDTree(vectors).query(found.reshape(-1, 8))
        assert apart.max() < 1e-4
    assert len(added) == 50


def test_joint_draws_keep_structure_that_independent_ones_lose(noisy):
    known, new, truth = noisy
    xy = np.random.default_rng(0).uniform(size=(len(new), 2))
    scores = {name: score(drawn(known, new, name), truth, xy) for name in BASELINES}
    for method in ("ridge", "k-NN"):
        alone, joint = scores[method], scores[f"{method} joint"]
        assert joint["energy"] < alone["energy"]
        assert joint["gsc_error"] < alone["gsc_error"]


def test_the_spread_of_ridge_is_its_error_on_unseen_spots(linear):
    known, new, truth = linear
    for name in ("ridge", "ridge local", "ridge joint"):
        scores = score(drawn(known, new, name), truth)
        # 1,400 values around 0.9: three standard errors are 0.024.
        assert scores["coverage_90"] == pytest.approx(0.9, abs=0.03), name
        # The CRPS of a Gaussian around its mean is 0.564 of its deviation on average.
        assert scores["fair_crps"] == pytest.approx(0.5 / np.sqrt(np.pi), rel=0.06), name


def test_local_spread_follows_noise_that_differs_between_spots():
    random = np.random.default_rng(0)
    x = random.uniform(size=(900, 3))
    y = x @ random.normal(size=(3, 4)) + (0.1 + x[:, :1]) * random.normal(size=(900, 4))
    known, new, truth = paired(x[:600], y[:600]), x[600:], y[600:]
    usual, local = (score(drawn(known, new, name), truth) for name in ("ridge", "ridge local"))
    assert local["fair_crps"] < usual["fair_crps"]
    spread = Tuned(known, new.astype(np.float32)).local_spread
    assert np.corrcoef(spread[:, 0], 0.1 + new[:, 0])[0, 1] > 0.9


def test_ridge_does_not_trust_a_fit_with_more_numbers_than_spots():
    random = np.random.default_rng(0)
    x, y = random.normal(size=(80, 300)), random.normal(size=(80, 20))
    new, truth = random.normal(size=(200, 300)), random.normal(size=(200, 20))
    scores = score(drawn(paired(x, y), new, "ridge"), truth)
    assert scores["coverage_90"] == pytest.approx(0.9, abs=0.06)


def test_the_mean_of_a_gene_is_the_same_for_all_spots(linear):
    known, new, _ = linear
    found = drawn(known, new, "mean")
    expected = np.tile(known.values.mean(axis=0), (len(new), 1))
    np.testing.assert_allclose(found.mean(axis=0), expected, rtol=1e-5)
    np.testing.assert_allclose(found.std(axis=(0, 1)), known.values.std(axis=0), rtol=0.05)


def test_one_section_is_left_out_in_strips():
    x = np.random.default_rng(0).permutation(20)
    known = PairedData(
        ("A",), np.zeros((20, 1, 1)), np.zeros((20, 1)), np.stack([x, 0 * x], 1), np.zeros(20, int)
    )
    strips = folds(known)
    np.testing.assert_array_equal(np.bincount(strips), 4)
    np.testing.assert_array_equal(strips, x // 4)
    two = PairedData(("A",), known.embeddings, known.values, known.positions, np.repeat([0, 1], 10))
    np.testing.assert_array_equal(folds(two), two.section)


def test_a_constant_number_of_the_embedding_does_no_harm(linear):
    known, new, _ = linear
    padded = paired(np.column_stack([known.original, np.ones(300)]), known.values)
    for name in BASELINES:
        found = drawn(padded, np.column_stack([new, np.ones(len(new))]), name)
        np.testing.assert_allclose(found, drawn(known, new, name), atol=1e-2)


@pytest.mark.parametrize(("spots", "genes"), [(30, 1), (2, 3), (2, 1)])
@pytest.mark.parametrize("name", BASELINES)
def test_one_gene_and_two_spots_are_enough(spots, genes, name):
    random = np.random.default_rng(0)
    x, y = random.normal(size=(spots, 5)), random.normal(size=(spots, genes))
    for n_sections in (1, 2):
        draws = drawn(paired(x, y, n_sections), x, name)
        assert draws.shape[1:] == (spots, genes)
        assert all(np.isfinite(value) for value in score(draws, y).values())
