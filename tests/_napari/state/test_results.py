"""Several results of a slide: none replaces another, and each keeps what was made of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_stem._napari.state.checkpoint import ChosenCheckpoint
from napari_stem._napari.state.cluster_view import ClusterView
from napari_stem._napari.state.request import PredictRequest
from napari_stem._napari.state.result import Result
from napari_stem._napari.state.workspace import Workspace
from napari_stem.analysis.groups import no_groups, with_group
from napari_stem.analysis.labels import Clusters
from napari_stem.prediction.options import PredictOptions

from ..conftest import CHECKPOINT


@pytest.fixture
def work(section) -> Workspace:
    made = Workspace()
    made.take_slide(section.slide)
    made.take_spots(section.slide, section.spots)
    return made


@pytest.fixture
def whole(section) -> PredictRequest:
    return PredictRequest(section.slide, section.spots, CHECKPOINT, PredictOptions(n_draws=2))


@pytest.fixture
def region(section, whole) -> PredictRequest:
    part = section.spots[:5].copy()
    return replace(whole, spots=part, whole=section.spots, name="Region")


def drawn(request: PredictRequest, n_draws: int = 1, genes: tuple[str, ...] = ("A", "B")) -> Result:
    values = np.full((request.spots.n_obs, len(genes)), n_draws, np.float32)
    return Result(request.slide, request.spots, genes, "", {"mean": values}, n_draws,
                  request=request)  # fmt: skip


def whole_of(result: Result) -> Result:
    return replace(result, prediction=result.spots.copy())


def cluster(work: Workspace) -> Clusters:
    n = work.result.spots.n_obs
    work.take_clusters(Clusters.of_numbers((np.arange(n) % 2 + 1).astype(np.uint16)))
    merged = work.clusters.renamed(1, "tumour")
    work.edit_clusters("rename", merged, ClusterView(hidden=frozenset({2})))
    return work.clusters


def names(work: Workspace) -> list[str]:
    return [kept.name for kept in work.session.kept]


def test_a_region_is_a_result_beside_that_of_the_slide(work, whole, region, section):
    work.take_result(drawn(whole))
    work.gene, named = "B", cluster(work)
    work.take_result(drawn(region, genes=("B", "C")))
    assert names(work) == ["any", "Region"]
    assert (work.result.request, work.spots, work.all_spots) == (region, region.spots, whole.spots)
    assert (work.clusters, work.edits.done, work.gene) == (None, (), "B")
    work.gene = "C"
    work.show_result(0)
    assert (work.result.request, work.clusters, work.gene) == (whole, named, "B")
    assert work.cluster_view.hidden == {2}
    work.undo()  # its own edits have come back with it
    assert work.clusters.titles[0] != "tumour"
    work.show_result(1)
    assert (work.gene, work.clusters) == ("C", None)
    work.take_all_spots()
    assert (work.shown, work.spots, work.whole) == (0, section.spots, None)


def test_more_draws_grow_the_result_whichever_is_shown(work, whole, region):
    work.take_result(drawn(whole))
    work.take_result(drawn(region))
    work.take_result(drawn(region, 2))
    assert [kept.result.n_draws for kept in work.session.kept] == [1, 2]
    work.show_result(0)
    work.take_result(drawn(region, 3))
    assert (work.shown, work.result.n_draws) == (0, 1)
    assert work.session.kept[1].result.n_draws == 3


def test_other_settings_and_checkpoints_add_a_result_and_the_same_file_continues(
    work, whole, recipe
):
    again = ChosenCheckpoint(CHECKPOINT.path, recipe, "")  # the same file, chosen again
    changed = ChosenCheckpoint(CHECKPOINT.path, recipe, "", content="trained further")
    work.take_result(drawn(whole))
    work.take_result(drawn(replace(whole, checkpoint=again).with_draws(9), 9))
    assert names(work) == ["any"]
    work.take_result(drawn(replace(whole, options=PredictOptions(seed=1))))
    work.take_result(drawn(replace(whole, checkpoint=changed)))
    assert names(work) == ["any", "any 2", "any 3"]


def test_predicting_what_is_there_shows_it(work, whole, region):
    work.take_result(drawn(whole))
    work.take_result(drawn(region))

    def predict(request):
        yield drawn(request, 2)
        return drawn(request, 2)

    work.predict(whole.with_draws(2), predict)
    assert (work.shown, work.result.n_draws, work.spots) == (0, 2, whole.spots)


def test_results_are_renamed_and_deleted_one_by_one(work, whole, region):
    for seed in range(3):
        work.take_result(drawn(replace(whole, options=PredictOptions(seed=seed))))
    work.rename_result(0, "any 3")
    assert names(work) == ["any 3 2", "any 2", "any 3"]
    work.rename_result(0, "first")
    work.show_result(1)
    work.delete_result(0)
    assert (names(work), work.shown) == (["any 2", "any 3"], 0)
    work.delete_result(0)
    assert (names(work), work.result.request.options.seed) == (["any 3"], 2)
    work.delete_result(0)
    assert (names(work), work.result, work.spots) == ([], None, whole.spots)


def test_a_result_is_saved_until_draws_or_clusters_change(work, whole):
    work.take_result(whole_of(drawn(whole)))
    assert len(work.unsaved()) == 1
    work.take_saved(work.session.kept[work.shown].content)
    assert work.unsaved(work.slide) == []
    cluster(work)
    assert len(work.unsaved()) == 1
    work.take_saved(work.session.kept[work.shown].content)
    assert not work.unsaved()
    work.take_result(drawn(whole, 5))
    assert len(work.unsaved()) == 1


def test_groups_belong_to_their_result_and_are_undone_one_by_one(work, whole, region):
    work.take_result(whole_of(drawn(whole)))
    work.take_saved(work.session.kept[work.shown].content)
    n = work.result.spots.n_obs
    first, half = np.arange(n) == 0, np.arange(n) < n // 2
    work.edit_groups("new group", with_group(no_groups(n), first, "edge"))
    work.edit_groups("new group", with_group(work.groups, half, "tumour"))
    assert len(work.unsaved()) == 1
    labels = work.result.prediction.obs["group"]
    assert labels.value_counts().to_dict() == {"tumour": n // 2}
    work.undo_groups()
    assert work.groups.names == ("edge",)
    work.undo_groups()
    assert work.groups.names == ()
    assert "group" not in work.result.prediction.obs
    work.redo_groups()
    work.take_result(drawn(region))
    assert (work.groups, work.group_edits.next_undo) == (None, "")
    work.show_result(0)
    assert (work.groups.names, work.group_edits.next_undo) == (("edge",), "new group")
    work.take_result(whole_of(drawn(whole, 5)))
    assert work.groups.sizes == (1,)
    assert work.result.prediction.obs["group"].notna().sum() == 1


def test_results_wait_with_their_slide(work, whole, region, sections):
    work.take_result(drawn(whole))
    work.take_slide(sections[1].slide)
    work.take_result(drawn(region))
    assert names(work) == []
    assert len(work.unsaved()) == 2
    work.show_slide(whole.slide)
    assert (names(work), work.shown) == (["any", "Region"], 1)
    assert work.result.request is region
