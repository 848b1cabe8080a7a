"""A prediction against what its spots measured."""

from __future__ import annotations

import numpy as np
import pytest
from anndata import AnnData

from napari_stem.evaluation.measured import spot_agreement
from napari_stem.evaluation.scoring import score


@pytest.fixture
def made() -> AnnData:
    """Thirty spots by four genes; the last spot and the last gene counted nothing."""
    random = np.random.default_rng(1)
    truth = random.gamma(2, 1, (30, 4)).astype(np.float32)
    truth[:, 3] = 0
    truth[-1] = 0
    table = AnnData(truth + random.normal(0, 0.5, truth.shape).astype(np.float32))
    table.layers["truth"] = truth
    table.uns["napari_stem"] = {"seen": "The checkpoint was trained on it."}
    return table


def test_correlations_are_those_of_numpy_over_the_spots_that_counted_anything(made):
    found = spot_agreement(made)
    truth, mean = made.layers["truth"][:-1], made.X[:-1]
    expected = [np.corrcoef(mean[:, i], truth[:, i])[0, 1] for i in range(3)]
    np.testing.assert_allclose(found.gene_pcc[:3], expected, atol=1e-6)
    assert np.isnan(found.gene_pcc[3])
    assert found.n_spots == 29
    assert found.seen == "The checkpoint was trained on it."


def test_metrics_are_those_of_an_evaluation(made):
    truth, mean = made.layers["truth"][:-1], made.X[:-1]
    scores = spot_agreement(made).scores
    expected = score(mean, truth)
    assert scores == {name: pytest.approx(expected[name]) for name in ("pcc_50", "mae")}


def test_without_measured_values_there_is_no_agreement(made):
    assert spot_agreement(made[-1:].copy()) is None
    del made.layers["truth"]
    assert spot_agreement(made) is None
