"""The noise ceiling is what a perfect predictor reaches; the detection rate counts spots."""

from __future__ import annotations

import numpy as np
import pytest
from anndata import AnnData
from scipy import sparse

from napari_stem.evaluation.ceiling import detection_rate, noise_ceiling

GENES = ("HIGH", "LOW", "NOISE", "SILENT")


@pytest.fixture(scope="module")
def known() -> tuple[AnnData, np.ndarray]:
    """Counts of genes with varying and constant rates, and the rates."""
    random = np.random.default_rng(0)
    n = 4000
    rates = np.stack(
        [random.gamma(4, 10, n), random.gamma(1, 0.5, n), np.full(n, 3.0), np.zeros(n)], axis=1
    )
    spots = AnnData(sparse.csr_matrix(random.poisson(rates).astype(np.float32)))
    spots.var_names = list(GENES)
    return spots, rates


def test_the_ceiling_is_the_correlation_of_the_rates_with_their_counts(known):
    spots, rates = known
    ceiling = noise_ceiling(spots, GENES, "log2")
    values = np.log2(spots.X.toarray() + 1)
    for gene in (0, 1):
        # The best prediction is about the logarithm of the rate; halves of few counts tell a
        # little less than Poisson noise does.
        expected = np.corrcoef(np.log2(rates[:, gene] + 1), values[:, gene])[0, 1]
        assert ceiling[gene] == pytest.approx(expected, abs=0.05)
    assert ceiling[0] > 0.9 > ceiling[1] + 0.2
    assert ceiling[2] < 0.25
    assert ceiling[3] == 0


def test_the_ceiling_knows_the_depth_of_normalised_values(known):
    spots, _ = known
    ceiling = noise_ceiling(spots, GENES, "log1p_cp10k")
    assert np.isfinite(ceiling).all()
    assert ((ceiling >= 0) & (ceiling <= 1)).all()


def test_no_prediction_from_the_rates_beats_the_ceiling(known):
    spots, rates = known
    thinned = AnnData(spots.X[:, :1].copy())
    thinned.var_names = ["HIGH"]
    thinned.X.data = np.random.default_rng(1).binomial(thinned.X.data.astype(int), 0.05) * 1.0
    low, high = (noise_ceiling(each, ["HIGH"], "log2")[0] for each in (thinned, spots))
    assert low < high - 0.2
    reached = np.corrcoef(rates[:, 0], np.log2(thinned.X.toarray()[:, 0] + 1))[0, 1]
    assert reached < low + 0.03


def test_the_detection_rate_is_the_share_of_spots_with_counts(known):
    spots, _ = known
    found = detection_rate(spots, GENES)
    np.testing.assert_allclose(found, (spots.X.toarray() > 0).mean(axis=0))
    assert found[3] == 0
