"""Agreement of clusters and annotations."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score
from sklearn.metrics.cluster import contingency_matrix

from napari_stem.analysis.agreement import compare
from napari_stem.analysis.columns import annotation_columns
from napari_stem.errors import SpotsError

SPOTS = [f"s{i}" for i in range(200)]


def labels(seed: int, kinds: str) -> pd.Series:
    drawn = np.random.default_rng(seed).choice(list(kinds), len(SPOTS))
    return pd.Series(drawn, SPOTS, dtype="category", name="kind")


def by_pairs(left: pd.Series, right: pd.Series) -> float:
    """The adjusted Rand index from all pairs of spots, one by one (Hubert and Arabie 1985)."""
    pairs = np.triu_indices(len(left), 1)
    codes = [labels.cat.codes.to_numpy() for labels in (left, right)]
    same = [np.equal.outer(each, each)[pairs] for each in codes]
    together, n = (same[0] & same[1]).sum(), len(pairs[0])
    by_chance = same[0].sum() * same[1].sum() / n
    return (together - by_chance) / ((same[0].sum() + same[1].sum()) / 2 - by_chance)


@pytest.mark.parametrize("kinds", ["ab", "abcdef"])
@pytest.mark.parametrize("others", ["xy", "wxyz", "x"])
def test_the_index_counts_pairs_of_spots_that_are_together(kinds, others):
    a, b = labels(0, kinds), labels(1, others)
    merged = a.str.replace("a", "b").astype("category")
    for left, right in ((a, b), (a, merged)):
        assert compare(left, right).ari == pytest.approx(by_pairs(left, right), abs=1e-12)


def test_the_same_groups_agree_whatever_they_are_called():
    a = labels(0, "abc")
    named = a.cat.rename_categories({"a": "tumour", "b": "stroma", "c": "fat"})
    assert compare(a, named).ari == 1
    assert compare(labels(0, "a"), labels(0, "x")).ari == 1
    numbered = pd.Series(np.where(a == "a", 1, 2), SPOTS, name="group")
    assert compare(numbered, numbered == 1).ari == 1


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
    with pytest.raises(SpotsError, match="No spot has both a cluster and an annotation in 'kind'"):
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
