"""Clusters find groups, are named by size and repeat."""

from __future__ import annotations

import numpy as np
import psutil
import pytest
from anndata import AnnData
from sklearn.metrics import adjusted_rand_score

from napari_stem.analysis.cluster import cluster, find_clusters, iter_find_clusters
from napari_stem.analysis.labels import CLUSTER_COLOURS
from napari_stem.analysis.leiden_options import LeidenOptions
from napari_stem.errors import OptionError, SpotsError, StemError
from napari_stem.events import Event, Progress, finish

SIZES = (60, 40, 25)


@pytest.fixture
def groups() -> tuple[AnnData, np.ndarray]:
    random = np.random.default_rng(0)
    truth = np.repeat(np.arange(3), SIZES)
    centres = random.normal(0, 4, (3, 12))
    return AnnData((centres[truth] + random.normal(size=(125, 12))).astype(np.float32)), truth


def test_separate_groups_are_found_and_numbered_by_size(groups):
    prediction, truth = groups
    cluster(prediction, LeidenOptions(resolution=0.2))
    assert adjusted_rand_score(truth, prediction.obs["leiden"]) == 1
    assert prediction.obs["leiden"].value_counts(sort=False).to_dict() == {
        "1": 60, "2": 40, "3": 25,
    }  # fmt: skip


@pytest.mark.thorough
def test_groups_of_many_spots_are_found_by_an_index_of_neighbours(times):
    random = np.random.default_rng(0)
    truth = np.repeat(np.arange(3), 40_000)
    values = random.normal(0, 4, (3, 12))[truth] + random.normal(size=(len(truth), 12))
    for _ in range(times):
        found = find_clusters(AnnData(values.astype(np.float32)), LeidenOptions(resolution=0.02))
        assert adjusted_rand_score(truth, found.numbers) > 0.99


def test_the_same_seed_gives_the_same_clusters_and_the_values_stay(groups):
    prediction, _ = groups
    before, labels = prediction.X.copy(), []
    for _ in range(2):
        cluster(prediction, LeidenOptions(seed=3, n_genes=6))
        labels.append(list(prediction.obs["leiden"]))
    assert labels[0] == labels[1]
    np.testing.assert_array_equal(prediction.X, before)


def test_clusters_that_are_waited_for_are_the_same(groups):
    told = list[Event]()
    found = finish(iter_find_clusters(groups[0]), told.append)
    np.testing.assert_array_equal(found.numbers, find_clusters(groups[0]).numbers)
    assert all(isinstance(event, Progress) and event.stage == "cluster" for event in told)


def test_what_was_compiled_is_kept_for_other_processes(groups):
    from umap.umap_ import smooth_knn_dist

    find_clusters(groups[0])
    kept = smooth_knn_dist.stats
    assert kept.cache_hits.total() + kept.cache_misses.total() > 0
    assert kept.cache_path


def test_one_gene_can_be_clustered(groups):
    prediction, _ = groups
    cluster(prediction, LeidenOptions(n_genes=1))
    assert prediction.obs["leiden"].notna().all()


def test_too_few_spots_are_refused(groups):
    prediction, _ = groups
    with pytest.raises(SpotsError, match="at least 5 spots; there are 4"):
        cluster(prediction[:4].copy())


@pytest.mark.parametrize(
    ("impossible", "message"),
    [
        ({"resolution": 0}, "resolution is 0; it must be a number between 0.01 and 100"),
        ({"resolution": float("nan")}, "resolution is nan"),
        ({"n_genes": 0}, "n_genes is 0; it must be a whole number between 1 and 100,000"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_impossible_options_are_refused_with_their_range(impossible, message):
    with pytest.raises(OptionError, match=message):
        LeidenOptions(**impossible)


def test_a_prediction_is_left_alone_by_those_who_only_look(groups):
    prediction, truth = groups
    found = find_clusters(prediction, LeidenOptions(resolution=0.2))
    assert "leiden" not in prediction.obs
    assert found.sizes == tuple(sorted(SIZES, reverse=True))
    assert adjusted_rand_score(truth, found.numbers) == 1


def test_colours_come_with_the_clusters(groups):
    prediction, _ = groups
    cluster(prediction, LeidenOptions(resolution=0.2))
    assert prediction.uns["leiden_colors"] == list(CLUSTER_COLOURS[:3])


@pytest.mark.thorough
def test_an_index_in_a_child_finds_the_same_groups(groups, monkeypatch):
    prediction, truth = groups
    monkeypatch.setattr("napari_stem.analysis.cluster._EXACT", 100)
    found = find_clusters(prediction, LeidenOptions(resolution=0.2))
    assert adjusted_rand_score(truth, found.numbers) == 1


def test_the_division_of_many_spots_can_be_stopped(groups, monkeypatch):
    monkeypatch.setattr("napari_stem.analysis.cluster._EXACT", 100)
    started = list[psutil.Process]()

    def soon() -> None:
        children = psutil.Process().children()
        started.extend(
            child for child in children if "napari_stem.analysis.apart" in child.cmdline()
        )
        if started:
            raise TimeoutError

    with pytest.raises(TimeoutError):
        find_clusters(groups[0], check=soon)
    assert not started[0].is_running()


def test_a_child_that_the_system_ends_is_told(groups, monkeypatch):
    monkeypatch.setattr("napari_stem.analysis.cluster._EXACT", 100)

    def end() -> None:
        for child in psutil.Process().children():
            if "napari_stem.analysis.apart" in child.cmdline():
                child.kill()

    with pytest.raises(StemError, match="memory ran out"):
        find_clusters(groups[0], check=end)
