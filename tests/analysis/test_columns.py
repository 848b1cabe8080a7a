"""Columns of spots as labels and as numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd

from napari_stem.analysis.columns import drawable_columns, labels_of, numbers_of

SPOTS = pd.DataFrame(
    {
        "n_counts": [1.0, np.inf, 3.0, np.nan],
        "array_row": [1, 2, 3, 4],
        "same": [2, 2, 2, 2],
        "in_tissue": [True, True, False, True],
        "region": ["tumour", None, "stroma", "tumour"],
    }
)


def test_kinds_come_before_numbers_that_differ():
    expected = ["in_tissue", "region", "n_counts", "array_row"]
    assert drawable_columns(SPOTS) == expected


def test_spots_without_a_kind_have_no_label():
    found = labels_of(SPOTS["region"])
    assert (found.names, found.numbers.tolist()) == (("stroma", "tumour"), [2, 0, 1, 2])
    assert labels_of(SPOTS["in_tissue"]).names == ("False", "True")


def test_numbers_that_are_not_finite_have_no_colour():
    assert labels_of(SPOTS["n_counts"]) is None
    values, limits = numbers_of(SPOTS["n_counts"])
    np.testing.assert_array_equal(values, np.array([1, np.nan, 3, np.nan], np.float32))
    np.testing.assert_allclose(limits, (1, 3), atol=0.05)
