"""Statistics of draws equal numpy's, whatever the order of the draws."""

from __future__ import annotations

import numpy as np
import pytest

from napari_stem.errors import OptionError
from napari_stem.prediction.statistics import (
    CARRIED,
    STATISTICS,
    at_quantiles,
    colour_limits,
    find_statistics,
)

RANDOM = np.random.default_rng(0)
DRAWS = RANDOM.normal(5, 1, (20, 30, 3)).astype(np.float32)
OF_DRAWS = [entry for entry in STATISTICS.values() if entry.of_draws is not None]


@pytest.mark.parametrize("entry", OF_DRAWS, ids=lambda entry: entry.name)
def test_a_statistic_gives_a_number_per_spot_and_gene_whatever_the_order_of_draws(entry):
    found = entry(DRAWS, threshold=5.0)
    assert found.shape == (30, 3)
    assert found.dtype == np.float32
    np.testing.assert_allclose(entry(DRAWS[::-1], threshold=5.0), found, rtol=1e-5)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mean", DRAWS.mean(axis=0)),
        ("std", DRAWS.std(axis=0)),
        ("q05", np.quantile(DRAWS, 0.05, axis=0, method="weibull")),
        ("q95", np.quantile(DRAWS, 0.95, axis=0, method="weibull")),
        ("median", np.median(DRAWS, axis=0)),
        ("above", (DRAWS > 5).mean(axis=0)),
    ],
)
def test_a_statistic_equals_numpys(name: str, expected: np.ndarray):
    np.testing.assert_allclose(STATISTICS[name](DRAWS, threshold=5.0), expected, rtol=1e-5)


def test_the_mode_is_where_draws_lie_closest_whatever_lies_far():
    near = RANDOM.normal(2, 0.01, (15, 4, 2))
    far = RANDOM.uniform(5, 9, (5, 4, 2))
    draws = RANDOM.permuted(np.concatenate([near, far]), axis=0).astype(np.float32)
    np.testing.assert_allclose(STATISTICS["mode"](draws), 2, atol=0.05)
    assert (np.abs(draws.mean(axis=0) - 2) > 0.5).all()


def test_all_but_what_was_measured_is_carried_or_computed_on_demand():
    on_demand = [entry.name for entry in STATISTICS.values() if entry.on_demand]
    assert sorted([*CARRIED, *on_demand, "truth", "ood"]) == sorted(STATISTICS)


def test_a_title_tells_the_threshold_once_it_is_known():
    assert STATISTICS["above"].title() == "P(above threshold)"
    assert STATISTICS["above"].title(1.5) == "P(above 1.5)"
    assert STATISTICS["std"].title(1.5) == "SD"


def test_an_unknown_statistic_is_refused_with_those_there_are():
    with pytest.raises(OptionError, match=r"'maximum' is unknown; choose mean, std.* above\."):
        find_statistics(["median", "maximum"])
    with pytest.raises(OptionError, match="'truth'"):
        find_statistics(["truth"])  # no draw tells it


def test_colours_span_all_but_the_extreme_values_of_all_parts():
    low, high = colour_limits([np.linspace(0, 1, 1001), np.linspace(1, 2, 1001)])
    assert (low, high) == pytest.approx((0.02, 1.98), abs=0.002)


def test_a_constant_still_has_a_range_of_colours():
    low, high = colour_limits([np.full((5, 2), 3.0)])
    assert low == 3
    assert high > low


def test_quantiles_are_where_a_further_draw_would_fall():
    # Weibull: the k-th smallest of 19 is the k/20 quantile.
    ordered = np.arange(1, 20, dtype=np.float32)[:, None]
    assert at_quantiles(ordered, (0.05, 0.95))[:, 0].tolist() == [1, 19]
