"""Plots of metrics show the numbers of an evaluation."""

from __future__ import annotations

import numpy as np
import pytest

from napari_stem.evaluation.evaluate import Evaluation
from napari_stem.reports.metric_plots import calibration_plot, ceiling_plot, gene_matrix_plot
from napari_stem.training.train import TrainResult


@pytest.fixture
def evaluation(trained: TrainResult) -> Evaluation:
    assert trained.evaluation is not None
    return trained.evaluation


def test_calibration_shows_the_coverage_of_every_method(evaluation: Evaluation):
    left, right = calibration_plot(evaluation.comparison).axes
    lines = {line.get_label(): line for line in left.lines}
    for name, scores in evaluation.scores.items():
        expected = [scores[f"coverage_{level}"] for level in (50, 80, 90, 95)]
        np.testing.assert_allclose(lines[name].get_ydata(), expected)
    (histogram,) = right.patches
    # Its area is 1: a density.
    assert histogram.get_data().values.mean() == pytest.approx(1)


def test_each_gene_is_shown_at_its_ceiling(evaluation: Evaluation):
    (axis,) = ceiling_plot(evaluation.comparison).axes
    dots = {line.get_label(): line for line in axis.lines}["Stem"]
    np.testing.assert_allclose(dots.get_xdata(), evaluation.comparison.ceiling)
    shown = dict(zip(evaluation.comparison.genes, dots.get_ydata(), strict=True))
    for gene, pcc in evaluation.gene_pcc.items():
        assert shown[gene] == pcc


def test_matrices_of_truth_draw_and_baseline_have_one_order(evaluation: Evaluation):
    figure = gene_matrix_plot(evaluation.gene_structure)
    panels = [axis for axis in figure.axes if axis.images and axis.get_title()]
    assert [axis.get_title() for axis in panels] == ["measured", "Stem", "k-NN joint"]
    truth = np.asarray(evaluation.prediction.layers["truth"], np.float64)
    expected = np.nan_to_num(np.corrcoef(truth.T))
    found = evaluation.gene_structure["measured"]
    np.testing.assert_allclose(found, expected, atol=1e-4)
    shown = [np.asarray(axis.images[0].get_array()) for axis in panels]
    np.testing.assert_allclose(np.sort(shown[0], axis=None), np.sort(found, axis=None))
    for matrix in shown:
        np.testing.assert_allclose(matrix.diagonal(), 1)
