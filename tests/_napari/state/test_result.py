"""What colours stand for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_stem._napari.state.result import Result, per_gene
from napari_stem.errors import WrongType

GENES = ("A", "B", "FLAT")


@pytest.fixture
def result(section) -> Result:
    n = section.spots.n_obs
    mean = np.column_stack([np.linspace(0, 1, n), np.linspace(4, 9, n), np.full(n, 2)])
    values = {"mean": mean, "std": mean / 10, "truth": mean * 2, "above": mean}
    return Result(section.slide, section.spots, GENES, "log2(count + 1)", values, 4)


def test_prediction_and_measurement_of_a_gene_have_the_same_colours(result):
    low, high = result.limits("A", "mean")
    assert (low, high) == result.limits("A", "truth")
    assert low == pytest.approx(0, abs=0.05)
    assert high == pytest.approx(2, rel=0.05)


def test_a_result_knows_its_spots(result):
    same, fewer = result.spots.copy(), result.spots[1:]
    assert result.is_at(same)
    assert not result.is_at(fewer)


def test_names_tell_spots_only_where_they_mean_the_same_places(result):
    spots = result.spots.copy()
    assert result.has_names_of(spots[::-1])
    spots.obs_names = [*spots.obs_names[1:], spots.obs_names[0]]
    assert not result.has_names_of(spots)
    spots.obs_names = ["same"] * spots.n_obs
    assert not result.has_names_of(spots)


def test_shared_limits_span_all_genes(result):
    assert result.limits(None, "std")[1] > result.limits("A", "std")[1]


def test_a_share_spans_0_to_1_and_a_constant_gene_still_has_a_range(result):
    assert result.limits("A", "above") == (0, 1)
    low, high = result.limits("FLAT", "std")
    assert low < high


def test_no_value_below_zero_counts_is_shown_and_the_title_says_so(result):
    below = replace(result, values={"mean": result.values["mean"] - 0.5})
    assert below.of("A", "mean").min() == 0
    assert below.limits("A", "mean") == (0, pytest.approx(0.5, abs=0.05))
    assert below.title("A", "mean").endswith("log2(count + 1), below 0 shown as 0")
    assert below.title("B", "mean").endswith("log2(count + 1)")
    assert below.values["mean"].min() == -0.5  # which exports keep


def test_spots_unlike_the_training_tissue_stay_out_of_the_limits_and_are_told_while_it_runs(result):
    n = result.spots.n_obs
    ood = np.where(np.arange(n) < n // 2, 0.5, 1.5).astype(np.float32)
    found = replace(result, values={**result.values, **per_gene(ood, len(GENES))})
    assert found.limits("B", "mean")[1] < 1.1 * 2 * result.of("B", "mean")[n // 2]
    assert result.limits("B", "mean")[1] > 17
    assert found.foreign.sum() == n - n // 2
    (told,) = found.warnings
    assert told.startswith(f"{n - n // 2} of {n} spots")
    assert not result.warnings
    everywhere = per_gene(np.full(n, 2, np.float32), len(GENES))
    lost = replace(result, values={**result.values, **everywhere})
    assert lost.limits("B", "mean") == result.limits("B", "mean")


def test_the_distance_to_the_training_tissue_is_shown_as_that_of_no_gene(result):
    n = result.spots.n_obs
    found = replace(result, values=per_gene(np.linspace(0, 3, n, dtype=np.float32), len(GENES)))
    np.testing.assert_array_equal(found.of("A", "ood"), found.of("B", "ood"))
    assert found.limits("A", "ood") == (0, 2)
    assert found.name_of("A", "ood") == "distance to training"
    assert "log2" not in found.title("A", "ood")


def test_a_prediction_whose_record_lacks_what_is_shown_is_refused_by_the_entry(section, prediction):
    with pytest.raises(WrongType, match=r"lacks uns\['napari_stem'\]\['unit'\]"):
        Result.of_prediction(section.slide, prediction)
