"""Curves of a run: what it reported, also where it was resumed."""

from __future__ import annotations

import numpy as np

from napari_stem.events import Loss, Metrics, Progress, Variation
from napari_stem.training.curves import Curves


def losses(*steps: int, value: float = 1.0, validated: tuple[int, ...] = ()) -> list[Loss]:
    return [Loss(step, value, 0.1 * step if step in validated else None) for step in steps]


def test_losses_are_by_step_and_held_out_ones_where_they_were_measured():
    curves = Curves()
    curves.add([Progress(0, 4, "train"), *losses(1, 2, 3, 4, value=0.5, validated=(2, 4))])
    np.testing.assert_array_equal(curves.training, [[1, 2, 3, 4], [0.5] * 4])
    np.testing.assert_allclose(curves.held_out, [[2, 4], [0.2, 0.4]])


def test_what_a_resumed_run_reports_again_counts():
    curves = Curves()
    curves.add(losses(1, 2, 3, 4, validated=(3,)))
    curves.add(losses(3, 4, 5, value=2.0))
    np.testing.assert_array_equal(curves.training, [[1, 2, 3, 4, 5], [1, 1, 2, 2, 2]])
    assert curves.held_out.shape == (2, 0)


def test_genes_lie_by_their_measured_variance_and_the_latest_report_counts():
    curves = Curves()
    genes = ("a", "b", "c")
    for step, predicted in ((1, (9.0, 9.0, 9.0)), (2, (1.0, 2.0, 3.0))):
        curves.add([Variation(step, genes, (0.0,) * 3, (5.0, 1.0, 3.0), (0.0,) * 3, predicted)])
    np.testing.assert_array_equal(curves.variances, [[1, 3, 5], [2, 3, 1]])


def test_without_events_there_is_nothing_to_draw():
    curves = Curves()
    curves.add([Metrics(1, 4, {})])
    for found in (curves.training, curves.held_out, curves.variances):
        assert found.shape == (2, 0)
