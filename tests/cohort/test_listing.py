"""The slides of a cohort, of what people name."""

from __future__ import annotations

from pathlib import Path

import pytest

from napari_stem.cohort.listing import find_slides, named
from napari_stem.cohort.order import Listed
from napari_stem.errors import OptionError, SlideNotFound


@pytest.fixture
def slides(tmp_path: Path) -> Path:
    """Two patients' slides of the same names, and what else lies in such folders."""
    for patient in ("p1", "p2"):
        folder = tmp_path / "slides" / patient
        folder.mkdir(parents=True)
        for name in ("a.svs", "b.tif", ".hidden.tif", "notes.txt"):
            (folder / name).touch()
    return tmp_path / "slides"


def names(found: list[Listed]) -> list[str]:
    return [Path(one.slide).name for one in found]


def test_a_folder_means_its_slides_and_a_pattern_what_it_matches(slides: Path):
    assert names(find_slides([slides / "p1"])) == ["a.svs", "b.tif"]
    assert names(find_slides([str(slides / "**" / "*.svs")])) == ["a.svs", "a.svs"]
    both = find_slides([slides / "p1", slides / "p1" / "a.svs"])
    assert len(both) == 2  # each slide once
    apart = find_slides([slides / "p1", slides / "p2"], apart=slides / "p1")
    assert {Path(one.slide).parent.name for one in apart} == {"p2"}


def test_a_table_names_slides_beside_it_with_what_is_known_of_them(slides: Path):
    table = slides / "list.csv"
    table.write_text(
        "\ufeffName;slide;mpp;patient\nfirst;p1/a.svs;0.25;P1\n;generated:1;;\n", encoding="utf-8"
    )
    first, second = find_slides([table])
    assert first == Listed(str(slides / "p1" / "a.svs"), mpp=0.25, name="first", patient="P1")
    assert second == Listed("generated:1")


@pytest.mark.parametrize(
    ("text", "why"),
    [("x,y\n1,2\n", "no column 'slide'"), ("slide,mpp\na.svs,half\n", "mpp is 'half' in line 2")],
)
def test_a_table_that_is_no_list_is_refused(tmp_path: Path, text: str, why: str):
    (tmp_path / "list.csv").write_text(text)
    with pytest.raises(OptionError, match=why):
        find_slides([tmp_path / "list.csv"])


def test_what_is_not_there_is_told(tmp_path: Path):
    with pytest.raises(SlideNotFound, match="no slide, folder or table"):
        find_slides([tmp_path / "missing.svs"])
    with pytest.raises(SlideNotFound, match="neither slides nor sections"):
        find_slides([tmp_path])
    with pytest.raises(SlideNotFound, match=r"no slide, folder or table at .*\*\.svs"):
        find_slides([tmp_path / "*.svs"])
    with pytest.raises(SlideNotFound, match="No slide is named"):
        find_slides([])
    (tmp_path / "list.csv").write_text("slide,mpp\n")
    with pytest.raises(SlideNotFound, match=r"names no slide: .*list\.csv"):
        find_slides([tmp_path / "list.csv"])
    (tmp_path / "a.svs").touch()
    with pytest.raises(SlideNotFound, match="All slides lie in the folder of the results"):
        find_slides([tmp_path], apart=tmp_path)


def test_slides_of_one_name_bear_that_of_their_folder_and_keep_it(slides: Path):
    found = named(find_slides([str(slides / "**" / "*.svs")]), {})
    assert [one.name for one in found] == ["p1-a", "p2-a"]
    taken = {one.identity: one.name for one in found}
    alone = named(find_slides([slides / "p2" / "a.svs"]), taken)
    assert [one.name for one in alone] == ["p2-a"]


def test_a_name_is_that_of_a_file_on_every_system():
    slides = [
        Listed("a.svs", name='P1/block "A"'),
        Listed("b.svs", name="X"),
        Listed("c", name="x"),
    ]
    assert [one.name for one in named(slides, {})] == ["P1-block -A-", "X", "x-2"]
