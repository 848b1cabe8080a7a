"""Sections are looked at before training, and what is wrong with them is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_stem.sections.section import Section
from napari_stem.training.plan import SectionSource
from napari_stem.training.preflight import check_section


def test_a_section_with_counts_can_be_trained_on_and_seen(
    sections: list[Section], saved: list[Path]
):
    section = sections[1]
    check = check_section(SectionSource(str(saved[1])))
    assert check.problem == ""
    assert check.mpp == pytest.approx(section.slide.mpp)
    counts = np.asarray(section.spots.X.sum(axis=1)).ravel()
    assert check.depth == np.median(counts)
    np.testing.assert_array_equal(check.counts, counts)
    assert check.overview is not None
    height, width = check.overview.shape[:2]
    assert max(height, width) <= 700
    assert width * check.downsample == pytest.approx(section.slide.width, rel=0.01)
    assert height * check.downsample == pytest.approx(section.slide.height, rel=0.01)


@pytest.mark.parametrize("change", ["no counts", "only zeros", "negative"])
def test_spots_that_cannot_be_trained_on_are_told(
    sections: list[Section], saved: list[Path], tmp_path: Path, change: str
):
    section = sections[1]
    spots = section.spots.copy()
    match change:
        case "no counts":
            spots, problem = spots[:, :0].copy(), "have no counts"
        case "only zeros":
            spots.X = spots.X * 0
            problem = "are zero"
        case _:
            spots.X = spots.X * -1
            problem = "must be finite and not negative"
    spots.write_h5ad(tmp_path / "spots.h5ad")
    source = SectionSource(str(tmp_path / "spots.h5ad"), image=str(saved[1] / "slide.tif"))
    check = check_section(source)
    assert problem in check.problem
    assert check.spots is not None
    assert check.spots.n_obs == section.spots.n_obs
    assert (check.counts, check.overview, check.depth) == (None, None, 0)


def test_a_section_that_is_not_there_is_told():
    check = check_section(SectionSource("/nowhere"))
    assert "/nowhere" in check.problem
    assert check.spots is None
