"""What a workspace keeps in line by itself, without a window."""

from __future__ import annotations

import numpy as np
import pytest

from napari_stem._napari.state.cluster_view import ClusterView
from napari_stem._napari.state.comparison import Comparison
from napari_stem._napari.state.result import Result
from napari_stem._napari.state.workspace import Workspace
from napari_stem.analysis.labels import Clusters


@pytest.fixture
def work(section) -> Workspace:
    """Two genes side by side, and clusters."""
    made = Workspace()
    made.take_slide(section.slide)
    made.spots = section.spots
    n = section.spots.n_obs
    values = {"mean": np.zeros((n, 2), np.float32)}
    made.take_result(Result(section.slide, section.spots, ("A", "B"), "", values, 1))
    made.take_clusters(Clusters.of_numbers((np.arange(n) % 2 + 1).astype(np.uint16)))
    made.compare(Comparison("genes", ("A", "B")))
    return made


def more_spots(work: Workspace) -> None:
    work.spots = work.spots.copy()


def select_a_cluster(work: Workspace) -> None:
    work.cluster_view = ClusterView(selected=frozenset({1}))


def cluster_again(work: Workspace) -> None:
    work.take_clusters(Clusters.of_numbers(work.clusters.numbers))


def rescale(work: Workspace) -> None:
    work.rescale(work.slide.with_mpp(0.25))


@pytest.mark.parametrize("change", [more_spots, select_a_cluster, cluster_again, rescale])
def test_side_by_side_ends_when_something_else_is_to_be_seen(work, change):
    heard = []
    work.events.spots.connect(lambda: heard.append(work.compared))
    change(work)
    assert work.compared == ()
    assert all(compared == () for compared in heard)


def test_side_by_side_stays_without_clusters(work):
    work.clusters = None
    assert work.compared
    assert work.cluster_view == ClusterView()


def test_listeners_never_see_a_view_of_other_clusters(work):
    seen = []

    def look() -> None:
        last = max(work.cluster_view.selected, default=0)
        seen.append(last <= len(work.clusters.names))

    for name in ("clusters", "cluster_view", "edits"):
        work.events[name].connect(look)
    many = Clusters.of_numbers(np.arange(1, work.result.spots.n_obs + 1).astype(np.uint16))
    work.take_clusters(many, ClusterView(selected=frozenset({9})))
    work.edit_clusters("merge", many.merged(range(1, 9)), work.cluster_view.merged(range(1, 9)))
    work.undo()
    assert len(seen) > 3
    assert all(seen)
