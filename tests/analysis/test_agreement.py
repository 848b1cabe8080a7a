"""Agreement of clusters and annotations, against scikit-learn."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score
from sklearn.metrics.cluster import contingency_matrix

from napari_stem.analysis.agreement import adjusted_rand, annotation_columns, compare
from napari_stem.errors import SpotsError

SPOTS = [f"s{i}" for i in range(200)]


def labels(seed: int, kinds: str) -> pd.Series:
    drawn = np.random.default_rng(seed).choice(list(kinds), len(SPOTS))
    return pd.Series(drawn, SPOTS, dtype="category", name="kind")


@pytest.mark.parametrize("kinds", ["ab", "abcdef", "a"])
@pytest.mark.parametrize("others", ["xy", "wxyz", "x"])
def test_the_index_is_scikit_learns(kinds, others):
    a, b = labels(0, kinds), labels(1, others)
    for left, right in ((a, b), (a, a.str.replace("a", "b"))):
        expected = adjusted_rand_score(left, right)
        assert compare(left, right).ari == pytest.approx(expected, abs=1e-12)
        assert adjusted_rand(contingency_matrix(left, right)) == pytest.approx(expected, abs=1e-12)


def test_spots_are_aligned_by_name_and_those_without_annotation_are_left_out():
    clusters, annotation = labels(0, "abc"), labels(1, "xyz")
    partly = annotation[::-1].copy()
    partly[SPOTS[:30]] = None
    partly = pd.concat([partly.drop(SPOTS[30:40]), pd.Series(["x"], ["elsewhere"])])
    found = compare(clusters, partly)
    assert (found.left_out, found.compared) == (40, 160)
    assert found.ari == pytest.approx(adjusted_rand_score(clusters[40:], annotation[40:]))
    expected = contingency_matrix(clusters[40:], annotation[40:])
    np.testing.assert_array_equal(found.table, expected)
    assert list(found.table.columns) == ["x", "y", "z"]


def test_no_common_spot_is_said():
    with pytest.raises(SpotsError, match="None of the 200 spots has an annotation in 'kind'"):
        compare(labels(0, "ab"), pd.Series(["x"], ["elsewhere"], name="kind"))


def test_columns_of_kinds_are_told_from_numbers_names_and_clusters():
    n = 60
    table = pd.DataFrame(
        {
            "annotation": pd.Categorical(["tumour", "stroma"] * 30),
            "text": ["tumour", "stroma"] * 30,
            "in_tumour": [True, False] * 30,
            "group": pd.Categorical([1, 2] * 30),
            "n_counts": np.arange(n),
            "barcode": [f"AC{i}" for i in range(n)],
            "empty": pd.Categorical([None] * n),
            "leiden": pd.Categorical(["1", "2"] * 30),
            "leiden_unedited": pd.Categorical(["1", "2"] * 30),
        }
    )
    assert annotation_columns(table) == ["annotation", "text", "in_tumour", "group"]
