"""How clusters are looked at, how that is kept, and what was done to them."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest

from napari_stem._napari.state.cluster_view import ClusterView
from napari_stem._napari.state.result import Result
from napari_stem._napari.state.saved_view import View
from napari_stem._napari.state.workspace import Workspace
from napari_stem.analysis.labels import Clusters

NUMBERS = np.array([1, 2, 3, 4], np.uint16)


@pytest.fixture
def clusters() -> Clusters:
    return Clusters.of_numbers(NUMBERS)


@pytest.fixture
def work(section, clusters) -> Workspace:
    """A workspace with four clusters, of a prediction that is not whole yet."""
    made = Workspace()
    made.take_slide(section.slide)
    values = {"mean": np.zeros((section.spots.n_obs, 1), np.float32)}
    made.take_result(Result(section.slide, section.spots, ("A",), "", values, 1))
    made.take_clusters(clusters)
    return made


def test_the_one_of_several_is_singled_out_and_numbers_follow(clusters):
    merged = clusters.merged({2, 3})
    view = ClusterView(hidden=frozenset({3, 4})).merged({2, 3})
    assert [merged.names[number - 1] for number in view.selected] == ["2"]
    assert [merged.names[number - 1] for number in view.hidden] == ["4"]


def test_edits_are_undone_and_done_again_with_their_view(work, clusters):
    view = ClusterView(hidden=frozenset({1}))
    work.edit_clusters("hide", clusters, view)
    named = clusters.renamed(1, "tumour")
    work.edit_clusters("rename", named, view)
    assert work.edits.next_undo == "rename"
    work.undo()
    assert (work.clusters, work.cluster_view) == (clusters, view)
    work.undo()
    assert work.cluster_view == ClusterView()
    assert (work.edits.next_undo, work.edits.next_redo) == ("", "hide")
    work.undo()
    work.redo()
    work.redo()
    assert (work.clusters, work.cluster_view) == (named, view)
    work.undo()
    work.edit_clusters("colour", clusters.recoloured(1, "#000000"), view)
    assert work.edits.next_redo == ""


def test_edits_wait_with_their_slide(work, clusters, sections, section):
    work.edit_clusters("rename", clusters.renamed(1, "tumour"), ClusterView())
    work.take_slide(sections[1].slide)
    assert work.edits.next_undo == ""
    work.show_slide(section.slide)
    work.undo()
    assert work.clusters is clusters


@pytest.mark.parametrize("others", [None, Clusters.of_numbers(NUMBERS)])
def test_other_clusters_have_no_history(work, clusters, others):
    work.edit_clusters("rename", clusters.renamed(1, "tumour"), ClusterView())
    work.clusters = others
    assert work.edits.next_undo == ""


def test_hidden_clusters_are_kept_by_name(work, clusters):
    named = clusters.renamed(3, "fat")
    work.edit_clusters("hide", named, ClusterView(hidden=frozenset({2, 3})))
    prediction = SimpleNamespace(uns={"napari_stem": {}})
    View.of(work).keep_in(prediction)
    kept = View.in_prediction(prediction)
    assert kept.hidden == ("2", "fat")
    part = Clusters(NUMBERS[:2], ("1", "fat"), ("#000000", "#111111"))
    assert kept.of_clusters(part).hidden == {2}


@pytest.mark.parametrize("text", ["{", "[1]", '"x"', json.dumps({"hidden": 3}), 5])
def test_a_view_that_cannot_be_read_is_the_default(text):
    assert View.in_prediction(SimpleNamespace(uns={"napari_stem": {"view": text}})) == View()
