"""Edits of clusters give new ones, and a prediction carries them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData, read_h5ad

from napari_stem.analysis.labels import CLUSTER_COLOURS, Clusters, cluster_title, default_colours
from napari_stem.errors import OptionError

LABELS = ["1", "2", "1", "3", "2", "1", "4"]


@pytest.fixture
def clusters() -> Clusters:
    return Clusters.of_labels(pd.Series(LABELS, dtype="category"))


@pytest.fixture
def prediction() -> AnnData:
    names = [f"spot-{i}" for i in range(len(LABELS))]
    return AnnData(np.zeros((len(LABELS), 2), np.float32), obs=pd.DataFrame(index=names))


def test_sizes_follow_the_names_and_belong_to_nobody_without_one(clusters):
    assert dict(zip(clusters.names, clusters.sizes, strict=True)) == {
        "1": 3, "2": 2, "3": 1, "4": 1,
    }  # fmt: skip
    some = Clusters.of_labels(pd.Series(["b", None, "a", "b"], dtype="category"))
    assert (some.names, some.sizes) == (("a", "b"), (1, 2))
    assert list(some.numbers) == [2, 0, 1, 2]


def test_a_name_and_a_colour_change_nothing_else(clusters):
    edited = clusters.renamed(2, "  invasive   tumour ").recoloured(3, "#123456")
    assert edited.names == ("1", "invasive tumour", "3", "4")
    assert edited.colours == (*CLUSTER_COLOURS[:2], "#123456", CLUSTER_COLOURS[3])
    assert edited.numbers is clusters.numbers
    assert clusters.names == ("1", "2", "3", "4")


@pytest.mark.parametrize(
    ("name", "message"),
    [(" ", "needs a name"), ("3", "is already called '3'"), ("Cluster 3", "called")],
)
def test_names_are_not_empty_and_differ(clusters, name, message):
    with pytest.raises(OptionError, match=message):
        clusters.renamed(2, name)


def test_a_cluster_may_keep_its_name(clusters):
    assert clusters.renamed(2, "2").names == clusters.names


def test_colours_are_checked(clusters):
    with pytest.raises(OptionError, match="'red' is not a colour"):
        clusters.recoloured(1, "red")


def test_merging_unites_spots_under_the_first_name_and_colour(clusters):
    merged = clusters.renamed(2, "stroma").merged({2, 4})
    assert merged.names == ("1", "stroma", "3")
    assert merged.colours == CLUSTER_COLOURS[:3]
    expected = {"1": "1", "2": "stroma", "3": "3", "4": "stroma"}
    labels = [merged.names[number - 1] for number in merged.numbers]
    assert labels == [expected[label] for label in LABELS]
    assert merged.sizes == (3, 3, 1)


def test_spots_of_no_cluster_stay_so_when_clusters_are_merged():
    some = Clusters.of_labels(pd.Series(["b", None, "a", "b"], dtype="category"))
    assert list(some.merged({1, 2}).numbers) == [1, 0, 1, 1]


def test_one_cluster_cannot_be_merged(clusters):
    with pytest.raises(OptionError, match="two or more"):
        clusters.merged({1})


def test_the_clusters_as_found_come_back_after_any_edits(clusters):
    edited = clusters.merged({1, 3}).renamed(1, "tumour").merged({1, 2}).recoloured(1, "#000000")
    again = edited.unedited()
    np.testing.assert_array_equal(again.numbers, clusters.numbers)
    assert (again.names, again.colours) == (clusters.names, clusters.colours)


def test_clusters_are_edited_once_merged_named_or_coloured(clusters):
    edits = clusters.merged({1, 2}), clusters.renamed(1, "b"), clusters.recoloured(1, "#000000")
    assert all(edited.is_edited for edited in edits)
    assert not clusters.is_edited


def test_spots_of_clusters_are_found(clusters):
    assert list(clusters.spots_in({2, 3})) == [label in ("2", "3") for label in LABELS]


def test_a_file_carries_clusters_and_their_edits(clusters, prediction, tmp_path):
    edited = clusters.merged({1, 3}).renamed(1, "tumour").recoloured(2, "#123456")
    edited.keep_in(prediction)
    prediction.write_h5ad(tmp_path / "edited.h5ad")
    again = read_h5ad(tmp_path / "edited.h5ad")
    assert list(again.obs["leiden"]) == [
        {"1": "tumour", "3": "tumour"}.get(label, label) for label in LABELS
    ]
    assert list(again.uns["leiden_colors"]) == list(edited.colours)
    found = Clusters.of_prediction(again)
    assert (found.names, found.colours) == (edited.names, edited.colours)
    np.testing.assert_array_equal(found.unedited().numbers, clusters.numbers)


def test_clusters_that_others_numbered_are_taken(prediction):
    prediction.obs["leiden"] = [int(label) for label in LABELS]
    found = Clusters.of_prediction(prediction)
    assert (found.names, list(found.numbers)) == (("1", "2", "3", "4"), [1, 2, 1, 3, 2, 1, 4])


def test_a_part_of_a_prediction_has_the_colours_of_the_whole(clusters, prediction):
    clusters.keep_in(prediction)
    part = prediction[[1, 3, 4]].copy()
    found = Clusters.of_prediction(part)
    assert (found.names, found.colours) == (("2", "3"), CLUSTER_COLOURS[1:3])


def test_clusters_that_replace_merged_ones_leave_no_trace_of_them(clusters, prediction):
    clusters.merged({1, 2}).keep_in(prediction)
    clusters.keep_in(prediction)
    assert list(prediction.obs) == ["leiden"]


def test_colours_that_do_not_fit_are_replaced(clusters, prediction):
    clusters.keep_in(prediction)
    for unfit in (["#000000"], ["red"] * 4):
        prediction.uns["leiden_colors"] = unfit
        assert Clusters.of_prediction(prediction).colours == CLUSTER_COLOURS[:4]


def test_only_numbers_are_called_clusters():
    assert [cluster_title(name) for name in ("3", "tumour")] == ["Cluster 3", "tumour"]


def test_many_clusters_have_different_colours():
    assert len(set(default_colours(48))) == 48
