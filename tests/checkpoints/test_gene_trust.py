"""Classes of trust follow from what held-out tissue showed."""

from __future__ import annotations

import json

import numpy as np
import pytest

from napari_stem.checkpoints.gene_trust import (
    as_description,
    from_description,
    held_out_table,
)

GENES = ("A", "B", "C", "D")


def trust_of(pcc: float, ceiling: float = 0.9, baseline: float = 0.0, gain: float = 0.1) -> str:
    one = {"pcc": pcc, "ceiling": ceiling, "baseline": baseline, "gain": gain, "coverage": 0.9}
    table = held_out_table(["A"], **{name: np.array([value]) for name, value in one.items()})
    return str(table["trust"].iloc[0])


@pytest.mark.parametrize(
    ("shown", "trust"),
    [
        ({"pcc": 0.7}, "high"),
        ({"pcc": 0.55, "ceiling": 0.9}, "medium"),  # less than 0.7 of what the counts allow
        ({"pcc": 0.55, "ceiling": 0.7}, "high"),
        ({"pcc": 0.3}, "low"),
        ({"pcc": 0.3, "ceiling": 0.5}, "medium"),
        ({"pcc": 0.05}, "none"),
        ({"pcc": -0.4}, "none"),
        ({"pcc": 0.7, "gain": -0.01}, "none"),  # the mean, which sees no image, is better
        ({"pcc": 0.7, "baseline": 0.75}, "high"),
        ({"pcc": 0.7, "baseline": 0.85}, "medium"),  # regression tells it much better
        ({"pcc": 0.2, "baseline": 0.85}, "low"),
        ({"pcc": np.nan}, ""),
        ({"pcc": 0.7, "gain": np.nan}, ""),
    ],
)
def test_trust_needs_a_correlation_its_share_of_the_ceiling_and_a_gain_over_the_mean(shown, trust):
    assert trust_of(**shown) == trust


def test_a_description_keeps_what_is_known_of_each_gene():
    pcc = np.array([0.6, np.nan, 0.2, 0.0])
    others = {"ceiling": 0.8, "baseline": 0.1, "gain": 0.1, "coverage": 0.9}
    table = held_out_table(GENES, pcc=pcc, **{k: np.full(4, v) for k, v in others.items()})
    about = json.loads(json.dumps(as_description(table)))
    assert about["gene_pcc"] == {"A": 0.6, "C": 0.2, "D": 0.0}
    again = from_description(about, ("D", "B", "X", "A"))
    assert list(again["trust"]) == ["none", "", "", "high"]
    np.testing.assert_array_equal(again["held_out_pcc"], [0.0, np.nan, np.nan, 0.6])


def test_an_older_checkpoint_tells_what_it_knows_and_no_class():
    table = from_description({"gene_pcc": {"A": 0.5}}, GENES)
    assert list(table.columns) == ["held_out_pcc"]
    assert from_description({}, GENES).empty
