from __future__ import annotations

import numpy as np
import pytest

from napari_stem.features.condition import Condition


def embeddings(n: int = 400, d: int = 12, seed: int = 0) -> np.ndarray:
    """Correlated Gaussian columns of very different scales, the last one constant."""
    random = np.random.default_rng(seed)
    mix = np.random.default_rng(99).normal(size=(d, d)) * np.geomspace(0.01, 100, d)
    x = random.normal(size=(n, d)) @ mix + 7
    x[:, -1] = 3
    return x.astype(np.float32)


def test_without_components_columns_are_standardised():
    x = embeddings()
    z = Condition.fit(x, components=None).transform(x)
    np.testing.assert_allclose(z[:, :-1].mean(0), 0, atol=1e-3)
    np.testing.assert_allclose(z[:, :-1].std(0), 1, atol=1e-3)


def test_a_constant_column_says_nothing_whatever_it_holds_later():
    x = embeddings()
    later = x.copy()
    later[:, -1] = 1e6
    for components in (None, 5):
        condition = Condition.fit(x, components=components)
        np.testing.assert_array_equal(condition.transform(later), condition.transform(x))
        np.testing.assert_array_equal(condition.ood(later), condition.ood(x))


def test_components_are_white():
    x = embeddings()
    condition = Condition.fit(x, components=5)
    assert condition.width == 5
    # Float32 conditions of columns whose scales span four orders of magnitude.
    np.testing.assert_allclose(np.cov(condition.transform(x).T), np.eye(5), atol=5e-3)


@pytest.mark.parametrize(("n", "expected"), [(4, 3), (400, 12)])
def test_components_never_exceed_what_the_spots_span(n, expected):
    assert Condition.fit(embeddings(n), components=64).width == expected


def test_with_noise_a_component_and_its_noise_have_unit_variance():
    x = embeddings(4000)
    condition = Condition.fit(x, components=5, noise=0.5)
    clean = condition.transform(x).var(0)
    np.testing.assert_allclose(clean + condition.noise**2, 1, atol=0.01)


def test_a_spot_does_not_depend_on_its_batch():
    x = embeddings()
    condition = Condition.fit(x, components=5)
    np.testing.assert_allclose(condition.transform(x[:3]), condition.transform(x)[:3], atol=1e-5)


@pytest.mark.parametrize("n", [2000, 20_000])
def test_one_in_a_hundred_spots_of_the_training_law_lies_beyond_one(n: int):
    condition = Condition.fit(embeddings(n), components=5)
    beyond = (condition.ood(embeddings(4000, seed=1)) > 1).mean()
    assert 0.003 < beyond < 0.03  # about 0.01, itself estimated from 20 spots


def test_a_training_spot_is_at_no_distance_and_a_far_one_stands_out():
    x = embeddings()
    condition = Condition.fit(x, components=5)
    # Distances are float32, of conditions whose scales span four orders of magnitude.
    np.testing.assert_allclose(condition.ood(x), 0, atol=1e-3)
    assert (condition.ood(x[:10] + 20 * x.std(0)) > 3).all()


def test_distance_grows_on_the_way_out():
    x = embeddings()
    away = x[:1] + np.outer([5, 10, 20, 40], x.std(0)).astype(np.float32)
    assert (np.diff(Condition.fit(x, components=5).ood(away)) > 0).all()


def test_the_reference_set_is_capped_and_the_same_every_time():
    x = embeddings(2600)
    first, second = (Condition.fit(x, components=3) for _ in range(2))
    assert len(first.references) == 2000
    for name, value in first.tensors().items():
        np.testing.assert_array_equal(value, second.tensors()[name])


def test_tensors_make_the_same_condition_again():
    x = embeddings()
    condition = Condition.fit(x, components=5)
    again = Condition.from_tensors(condition.tensors())
    np.testing.assert_array_equal(again.transform(x), condition.transform(x))
    np.testing.assert_array_equal(again.ood(x), condition.ood(x))


def test_nearest_training_spots_come_in_order_and_the_first_is_the_ood():
    random = np.random.default_rng(0)
    condition = Condition.fit(random.normal(size=(40, 6)).astype(np.float32), components=None)
    others = random.normal(size=(9000, 6)).astype(np.float32)  # several blocks
    distances = condition.nearest(others, 5)
    places = (others - condition.mean) @ condition.distance_axes
    apart = np.linalg.norm(places[:, None] - condition.references[None], axis=2)
    expected = np.sort(apart, axis=1)[:, :5] / condition.reach
    np.testing.assert_allclose(distances, expected, rtol=1e-5)
    np.testing.assert_array_equal(distances[:, 0], condition.ood(others))
    assert condition.nearest(others[:7], 1000).shape == (7, 40)


def test_gaps_of_like_spots_spread_as_the_training_spots_own():
    """Spots of one distribution lie from the training spots as these do from each other."""
    random = np.random.default_rng(0)
    condition = Condition.fit(random.normal(size=(1500, 4)).astype(np.float32), components=None)
    distances = condition.ood(random.normal(size=(1500, 4)).astype(np.float32))
    ranks = np.searchsorted(condition.gaps(), distances) / 1500
    # The mean of 1,500 uniform numbers has a standard error of 0.0075, their spread less.
    assert ranks.mean() == pytest.approx(0.5, abs=0.03)
    assert ranks.std() == pytest.approx(np.sqrt(1 / 12), abs=0.02)


def test_the_unit_is_learned_from_sections_that_are_left_out():
    """Sections differ; a new one lies farther away than the neighbours within one."""
    random = np.random.default_rng(0)
    shifts = random.normal(size=(9, 1, 6))
    spots = (0.3 * random.normal(size=(9, 150, 6)) + shifts).astype(np.float32)
    apart = np.repeat(np.arange(8), 150)
    known, new = spots[:8].reshape(-1, 6), spots[8]
    neighbours = Condition.fit(known, components=None).ood(new)
    left_out = Condition.fit(known, components=None, apart=apart).ood(new)
    assert (neighbours > 1).mean() > 0.5
    assert (left_out > 1).mean() < 0.05
    alone = Condition.fit(known, components=None, apart=np.zeros(len(known), int))
    np.testing.assert_array_equal(alone.ood(new), neighbours)
