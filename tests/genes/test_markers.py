"""Sets of marker genes on disk."""

from __future__ import annotations

from pathlib import Path

import platformdirs
import pytest

from napari_stem.errors import OptionError
from napari_stem.genes.markers import BUILT_IN, import_marker_set, marker_sets, save_marker_set


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(platformdirs, "user_data_path", lambda *_: tmp_path / "data")
    return tmp_path


def test_built_in_sets_name_no_gene_twice_and_say_their_source():
    for known in BUILT_IN:
        assert len(set(known.genes)) == len(known.genes)
        assert known.source


def test_a_saved_set_comes_back_and_is_replaced_by_one_of_its_name():
    save_marker_set("mine", ["B", "A"])
    save_marker_set("mine", ["C"])
    own = marker_sets()[len(BUILT_IN) :]
    assert [(x.name, x.genes) for x in own] == [("mine", ("C",))]


def test_a_list_is_imported_under_its_files_name(tmp_path: Path):
    path = tmp_path / "immune panel.csv"
    path.write_text("CD3E,T cells\n")
    assert import_marker_set(path).genes == ("CD3E",)
    assert marker_sets()[-1].name == "immune panel"


def test_a_gene_that_is_given_twice_is_kept_once():
    assert save_marker_set("mine", ["B", "A", "B"]).genes == ("B", "A")
    assert marker_sets()[-1].genes == ("B", "A")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"A\nB\nA\n", "has A more than once"),
        (b"", "gene list is empty"),
        (b"\xff", "could not be read"),
    ],
)
def test_a_bad_file_says_so_and_spares_the_others(content: bytes, problem: str):
    good = save_marker_set("good", ["A"])
    Path(good.source).with_name("bad.txt").write_bytes(content)
    *known, bad, last = marker_sets()
    assert (*known, last) == (*BUILT_IN, good)
    assert (bad.name, bad.genes) == ("bad", ())
    assert problem in bad.problem


@pytest.mark.parametrize("name", ["", "../up", "Fat", ".hidden", "a/b"])
def test_a_name_that_is_none_is_refused(name: str):
    with pytest.raises(OptionError):
        save_marker_set(name, ["A"])
    assert len(marker_sets()) == len(BUILT_IN)


def test_a_set_without_genes_is_refused():
    with pytest.raises(OptionError, match="at least one gene"):
        save_marker_set("empty", [])
