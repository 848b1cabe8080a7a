"""All slides of a cohort at a glance, from the files that a cohort leaves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_stem.cohort.arranging import SortBy, arranged, said_of
from napari_stem.cohort.choice import SIDE, Choice, caption, details, prediction_of
from napari_stem.cohort.manifest import FILE, Manifest, Row
from napari_stem.cohort.order import Listed
from napari_stem.cohort.overview import (
    iter_cards,
    iter_look,
    read_changes,
    read_listing,
)
from napari_stem.cohort.summary import write_summary
from napari_stem.cohort.thumbnails import colour_strip, thumbnail_of
from napari_stem.errors import CohortError, PanelError
from napari_stem.events import finish

from .written_cohort import GREY, predicted, row, write_manifest


@pytest.fixture
def rows(tmp_path: Path) -> list[Row]:
    (tmp_path / "broken-prediction.h5ad").write_bytes(b"no HDF5")
    return [
        row(tmp_path, "low", predicted([0, 1, 2, 3])),
        row(tmp_path, "high", predicted([4, 6, 8, 10])),
        row(tmp_path, "other", predicted([1, 1], gene="CD3E")),
        row(tmp_path, "broken"),
        Row("/slides/late.svs", "waiting", name="late"),
    ]


def colours(pixels: np.ndarray) -> np.ndarray:
    """The place in the colours of each spot of a thumbnail, from the pixels at their centres."""
    height, width, _ = pixels.shape
    extent = 4 * 100 + 20  # the spots and a diameter beyond the outer ones, without their centres
    at = ((60 + 100 * np.arange(4)) / extent * width).astype(int)
    off = pixels[height // 2, at, None].astype(int) - (0.85 * colour_strip() + 0.15 * GREY)
    return np.abs(off).sum(axis=-1).argmin(axis=-1)


def test_a_gene_has_one_scale_over_all_slides(tmp_path, rows):
    look = finish(iter_look(tmp_path, rows, Choice("EPCAM")))
    assert look.limits == pytest.approx((0, 10), abs=0.2)
    assert look.unit == "log2(counts + 1)"
    assert look.means == {rows[0].identity: 1.5, rows[1].identity: 7}
    cards = {card.identity: card.pixels for card in iter_cards(tmp_path, rows, look)}
    assert list(cards) == [rows[0].identity, rows[1].identity]
    low, high = (colours(cards[one.identity]) for one in rows[:2])
    assert low == pytest.approx(255 * np.arange(4) / 10, abs=8)
    assert high == pytest.approx(255 * np.array([4, 6, 8, 10]) / 10, abs=8)


def test_a_slide_without_the_gene_or_with_a_damaged_file_says_so(tmp_path, rows):
    look = finish(iter_look(tmp_path, rows, Choice("EPCAM")))
    problems = {identity[0]: seen.problem for identity, seen in look.seen.items() if seen.problem}
    assert "no gene EPCAM" in problems["/slides/other.svs"]
    assert "could not be read" in problems["/slides/broken.svs"]
    assert rows[4].identity not in look.seen


def test_a_report_shows_the_others_of_a_slide_without_the_gene_and_escapes_names(tmp_path, rows):
    odd = row(tmp_path, "odd", predicted([1, 2]), patient="<i>P</i>")
    failed = Row("/slides/bad.svs", "failed", "<u>no scale</u>", name="<b>bad</b>")
    write_manifest(tmp_path, [*rows[:4], odd, failed])
    write_summary(tmp_path, tmp_path / "summary.html", "EPCAM")
    page = (tmp_path / "summary.html").read_text()
    assert page.count("<figure>") == 3
    assert "other: " in page
    assert "broken: The file could not be read" in page
    assert not any(tag in page for tag in ("<b>bad", "<i>P", "<u>no"))
    with pytest.raises(PanelError):
        write_summary(tmp_path, tmp_path / "summary.html", "NONE")


def test_the_distance_to_training_needs_no_gene_and_has_its_own_scale(tmp_path, rows):
    look = finish(iter_look(tmp_path, rows, Choice(statistic="ood")))
    assert look.limits == (0, 2)
    assert len(look.means) == 3


def test_only_what_has_changed_is_read_again(tmp_path, rows):
    first = finish(iter_look(tmp_path, rows[:1], Choice("EPCAM")))
    (tmp_path / prediction_of(rows[0])).unlink()
    look = finish(iter_look(tmp_path, rows, Choice("EPCAM"), first))
    assert look.means.keys() == {rows[0].identity, rows[1].identity}
    other = finish(iter_look(tmp_path, rows, Choice("CD3E"), look))
    assert other.means.keys() == {rows[2].identity}


def test_a_thumbnail_shows_tissue_between_spots_and_where_no_value_is(tmp_path):
    thumbnail = thumbnail_of(predicted([0, np.nan, 2]))
    assert max(thumbnail.spot.shape) == SIDE
    pixels = thumbnail.coloured(np.array([0, np.nan, 2], np.float32), (0, 2))
    free = (thumbnail.spot == 3) | (thumbnail.spot == 1)
    assert (pixels[free] == GREY).all()
    assert not (pixels[~free] == GREY).all(axis=-1).any()


def test_a_cohort_is_listed_again_when_its_manifest_changes(tmp_path, rows):
    with pytest.raises(CohortError, match="no manifest"):
        read_listing(tmp_path)
    manifest = Manifest(tmp_path)
    for one in rows[2:4]:
        listed = Listed(one.slide, name=one.name)
        manifest.take(listed, "prediction", "1", one.outputs)
    manifest.write()
    first = read_listing(tmp_path)
    assert [one.state for one in first.rows] == ["waiting", "waiting"]
    assert first.genes == ()
    assert read_changes(first) is None
    manifest.finish(rows[2].identity, "", outputs=rows[2].outputs)
    manifest.finish(rows[3].identity, "no scale")
    manifest.write()
    now = read_changes(first)
    assert [one.state for one in now.rows] == ["done", "failed"]
    assert now.genes == ("CD3E",)
    (tmp_path / FILE).unlink()
    assert read_changes(now) is None


def test_what_is_said_of_a_slide_follows_the_order():
    done = Row("/a.svs", "done", name="a", patient="P", spots=1200, ood_share=0.256)
    assert caption(done, 1.5, "", SortBy.NAME) == "mean 1.50"
    assert caption(done, 1.5, "", SortBy.FOREIGN) == "26 % unlike"
    assert caption(done, 1.5, "", SortBy.PATIENT) == "P"
    failed = Row("/b.svs", "failed", "it has no scale", name="b")
    assert caption(failed, None, "", SortBy.FOREIGN) == "failed"
    assert "failed: it has no scale" in details(failed, None, "")
    assert "1,200 spots" in details(done, 1.5, "")


def test_slides_are_sorted_and_those_of_unknown_rank_come_last():
    rows = [
        Row("/10", "done", name="slide 10", patient="B", ood_share=0.5),
        Row("/2", "failed", "no scale", name="slide 2", patient="A"),
        Row("/1", "running", name="slide 1", ood_share=0.1),
    ]
    means = {rows[0].identity: 1.0, rows[2].identity: 2.0}

    def order(by: SortBy, **more) -> list[str]:
        return [one.slide[1:] for one in arranged(rows, means, by, **more)]

    assert order(SortBy.NAME) == ["1", "2", "10"]
    assert order(SortBy.NAME, backwards=True) == ["10", "2", "1"]
    assert order(SortBy.MEAN) == ["1", "10", "2"]
    assert order(SortBy.MEAN, backwards=True) == ["10", "1", "2"]
    assert order(SortBy.FOREIGN) == ["10", "1", "2"]
    assert order(SortBy.STATE) == ["2", "1", "10"]
    assert order(SortBy.PATIENT) == ["2", "10", "1"]
    assert order(SortBy.NAME, state="done") == ["10"]
    assert order(SortBy.NAME, text="SCALE a") == ["2"]
    assert said_of(rows) == "1 done, 1 running, 1 failed"
