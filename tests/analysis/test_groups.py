"""Groups of spots: made, left, named, written and read again."""

from __future__ import annotations

import numpy as np
import pytest
from anndata import AnnData

from napari_stem.analysis.groups import groups_of, keep_groups, no_groups, with_group, without_group
from napari_stem.errors import OptionError

FIRST, MIDDLE = np.array([1, 1, 1, 0, 0], bool), np.array([0, 1, 1, 1, 0], bool)


def test_a_spot_belongs_to_the_group_that_it_joined_last_and_empty_groups_are_gone():
    one = with_group(no_groups(5), FIRST, "tumour")
    two = with_group(one, MIDDLE, " tumour  edge ")
    assert dict(zip(two.names, two.sizes, strict=True)) == {"tumour": 1, "tumour edge": 3}
    assert len(set(two.colours)) == 2
    grown = with_group(two, FIRST, "tumour edge")
    assert (grown.names, grown.sizes) == (("tumour edge",), (4,))
    assert grown.colours == two.colours[1:]
    assert without_group(two, 1).names == ("tumour edge",)
    assert len(set(with_group(grown, ~grown.numbers.astype(bool), "rest").colours)) == 2


def test_a_number_is_no_name_of_a_cluster():
    assert with_group(no_groups(5), FIRST, "3").titles == ("Group 3",)


@pytest.mark.parametrize(("spots", "name"), [(FIRST, " "), (np.zeros(5, bool), "tumour")])
def test_a_group_has_a_name_and_spots(spots, name):
    with pytest.raises(OptionError):
        with_group(no_groups(5), spots, name)


def test_groups_are_read_as_they_were_written_and_an_annotation_is_left_alone():
    table = AnnData(np.zeros((5, 1), np.float32))
    table.obs["group"] = ["a", "b", "a", "b", "a"]
    keep_groups(no_groups(5), table)
    assert groups_of(table) is None
    assert table.obs["group"].tolist() == ["a", "b", "a", "b", "a"]
    made = with_group(with_group(no_groups(5), FIRST, "z"), MIDDLE, "a").recoloured(1, "#123456")
    keep_groups(made, table)
    found = groups_of(table.copy())
    assert (found.names, found.colours, found.sizes) == (made.names, made.colours, made.sizes)
    keep_groups(no_groups(5), table)
    assert "group" not in table.obs
