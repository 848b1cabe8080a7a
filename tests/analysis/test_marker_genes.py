"""Ranks of genes against scipy's rank sum."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from scipy.stats import false_discovery_control, mannwhitneyu

from napari_stem.analysis.labels import Clusters
from napari_stem.analysis.marker_genes import rank_genes
from napari_stem.errors import SpotsError
from napari_stem.genes.counts import UNITS

GENES = [f"G{i}" for i in range(12)]
LABELS = pd.Series(np.repeat(["a", "b", "c"], (20, 15, 1)), dtype="category")


@pytest.fixture
def prediction() -> AnnData:
    random = np.random.default_rng(0)
    values = random.normal(size=(36, 12)).astype(np.float32)
    values[:20, 3] += 2
    made = AnnData(values, var=pd.DataFrame(index=GENES))
    made.uns["napari_stem"] = {"unit": UNITS["log2"]}
    return made


def test_scores_and_p_values_are_those_of_the_rank_sum(prediction):
    found = rank_genes(prediction, Clusters.of_labels(LABELS))
    for number in (1, 2):
        inside = LABELS.cat.codes.to_numpy() == number - 1
        tested = mannwhitneyu(
            prediction.X[inside], prediction.X[~inside], method="asymptotic", use_continuity=False
        )
        ours = found[found["cluster"] == number].set_index("gene").loc[GENES]
        expected = false_discovery_control(tested.pvalue)
        # Of scores in float32.
        np.testing.assert_allclose(ours["p_adjusted"], expected, rtol=1e-5)
        n, m = inside.sum(), (~inside).sum()
        z = (tested.statistic - n * m / 2) / np.sqrt(n * m * (n + m + 1) / 12)
        np.testing.assert_allclose(ours["score"], z, atol=1e-5)


def test_the_gene_that_differs_leads_with_its_fold_change(prediction):
    found = rank_genes(prediction, Clusters.of_labels(LABELS))
    first = found[found["cluster"] == 1].iloc[0]
    assert first["gene"] == "G3"
    expected = prediction.X[:20, 3].mean() - prediction.X[20:, 3].mean()
    assert first["log2_fold_change"] == pytest.approx(expected, abs=1e-6)


def test_fold_changes_are_in_twofolds_whatever_the_unit(prediction):
    in_log2 = rank_genes(prediction, Clusters.of_labels(LABELS))["log2_fold_change"]
    prediction.uns["napari_stem"]["unit"] = UNITS["log1p_cp10k"]
    prediction.X = prediction.X * np.log(2).astype(np.float32)
    found = rank_genes(prediction, Clusters.of_labels(LABELS))["log2_fold_change"]
    np.testing.assert_allclose(found, in_log2, atol=1e-6)


def test_a_spot_alone_is_no_group_but_belongs_to_the_others(prediction):
    assert set(rank_genes(prediction, Clusters.of_labels(LABELS))["cluster"]) == {1, 2}


@pytest.mark.parametrize("labels", [["a"] * 36, [None] * 36])
def test_one_cluster_has_nothing_to_be_compared_with(prediction, labels):
    clusters = Clusters.of_labels(pd.Series(labels, dtype="category"))
    with pytest.raises(SpotsError, match="at least two clusters"):
        rank_genes(prediction, clusters)
