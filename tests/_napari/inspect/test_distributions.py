"""What the plot of a point's draws draws: densities on one axis."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from napari_stem._napari.inspect.distributions import distributions
from napari_stem.prediction.inspection import Inspection, Measured


def inspected(draws: dict[str, list[float]], truth: dict[str, float] | None = None) -> Inspection:
    values = np.array(list(draws.values()), np.float32).T
    return Inspection(
        xy=(0.0, 0.0),
        mpp=0.5,
        genes=tuple(draws),
        unit="log2(count + 1)",
        draws=values,
        n_draws=len(values),
        nearest=np.zeros(5, np.float32),
        similarity=np.ones(5, np.float32),
        measured=None if truth is None else Measured("spot", 0.0, truth),
    )


def test_many_normal_draws_have_a_bell_around_their_mean():
    draws = np.random.default_rng(0).normal(4, 0.8, 5000)
    ((row,), (start, end)) = distributions(inspected({"A": list(draws)}), ["A"])
    axis = np.linspace(start, end, len(row.density))
    expected = norm.pdf(axis, 4, 0.8) / norm.pdf(4, 4, 0.8)
    # Kernels of Silverman's width smooth 5,000 draws by 2 %; chance adds about as much.
    np.testing.assert_allclose(row.density, expected, atol=0.08)
    assert row.density.max() == 1


@pytest.mark.parametrize("draws", [[2.0] * 20, [2.0], [2.0, 2.0 + 1e-6], [0.0] * 4])
def test_draws_that_do_not_differ_are_a_spike(draws: list[float]):
    ((row,), (start, end)) = distributions(inspected({"A": draws}), ["A"])
    axis = np.linspace(start, end, len(row.density))
    assert row.density.max() == 1
    assert np.isfinite(row.density).all()
    assert abs(axis[row.density.argmax()] - draws[0]) < 0.02 * (end - start)
    assert (row.density > 0.05).sum() < 8  # of 80 points
    assert row.mean == pytest.approx(draws[0], abs=1e-5)


def test_one_draw_apart_from_many_leaves_a_peak_at_the_many():
    ((row,), (start, end)) = distributions(inspected({"A": [1.0] * 999 + [5.0]}), ["A"])
    axis = np.linspace(start, end, len(row.density))
    assert abs(axis[row.density.argmax()] - 1.0) < 0.1


def test_genes_share_an_axis_that_holds_draws_zero_and_what_was_measured():
    point = inspected({"A": [1.2, 2.4], "B": [3.1, 6.3], "C": [50.0, 60.0]}, {"A": 8.4})
    rows, ends = distributions(point, ["B", "A", "unknown"])
    assert [row.name for row in rows] == ["B", "A"]
    assert ends == (0, 9)
    assert [row.truth for row in rows] == [None, 8.4]
    assert rows[0].interval == point.interval("B")


def test_nothing_below_zero_counts_is_shown():
    rows, ends = distributions(inspected({"A": [-1.5, -1.4], "B": [-2.0, 3.8]}), ["A", "B"])
    assert ends == (0, 4)
    assert (rows[0].mean, rows[0].interval) == (0, (0, 0))
    assert rows[1].interval[0] == 0
    assert rows[1].mean == pytest.approx(0.9)


def test_without_genes_there_is_an_axis_and_no_row():
    assert distributions(inspected({"A": [1.0, 2.0]}), []) == ([], (0, 1))
