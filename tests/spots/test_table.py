"""The spot table's contract, and what is said when a table breaks it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from anndata import AnnData
from scipy import sparse

from napari_stem.errors import CountsError, MissingScale, SpotsError, SpotsOutsideSlide
from napari_stem.io import read_spots
from napari_stem.slides.slide import Slide
from napari_stem.spots.pitch import array_pitch
from napari_stem.spots.table import (
    check_counts,
    check_spots,
    has_counts,
    library,
    mpp_from_pitch,
    pitch,
    positions,
    spot_diameter,
    spot_table,
)

XY = np.array([[10.0, 20.0], [110.0, 20.0], [10.0, 120.0], [110.0, 120.0]])


def table(counts: np.ndarray | None = None, **options) -> AnnData:
    genes = None if counts is None else [f"G{i}" for i in range(counts.shape[1])]
    return spot_table(XY, diameter_px=55, counts=counts, genes=genes, **options)


def test_a_table_says_where_its_spots_are_and_how_large():
    spots = table(ids=["a", "b", "c", "d"], library="C2")
    np.testing.assert_array_equal(positions(spots), XY)
    assert list(spots.obs_names) == ["a", "b", "c", "d"]
    assert (spot_diameter(spots), library(spots), pitch(spots)) == (55, "C2", 100)
    assert mpp_from_pitch(spots, 200) == 2
    assert not has_counts(spots)
    assert has_counts(table(np.ones((4, 2))))


def test_a_subset_of_spots_is_a_spot_table():
    spots = table(np.arange(8.0).reshape(4, 2))[[2, 0]].copy()
    np.testing.assert_array_equal(positions(spots), XY[[2, 0]])
    assert spot_diameter(spots) == 55


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ids": ["a", "b", "b", "c"]}, "more than once: b"),
        ({"diameter_px": 0}, "diameter is 0 px"),
        ({"diameter_px": np.nan}, "diameter is nan px"),
        ({"xy": np.zeros((0, 2))}, "At least one"),
        ({"xy": np.zeros(4)}, r"have shape \(4,\)"),
        ({"xy": np.where(XY == 120, np.nan, XY)}, "2 spots are not finite .* out of 4"),
    ],
)
def test_an_unusable_table_is_refused(options: dict[str, object], message: str):
    arguments = {"xy": XY, "diameter_px": 55, "library": "C2"} | options
    with pytest.raises(SpotsError, match=message):
        spot_table(**arguments)  # type: ignore[arg-type]


def test_counts_of_other_spots_are_refused():
    with pytest.raises(CountsError, match="3 rows for 4 spots"):
        table(np.ones((3, 2)))


@pytest.mark.parametrize("form", [np.array, sparse.csr_matrix, sparse.csc_matrix])
@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf])
def test_an_impossible_count_is_named(form, bad: float):
    counts = np.ones((4, 3))
    counts[2, 1] = bad
    spots = table(np.ones((4, 3)), ids=["a", "b", "c", "d"])
    check_counts(spots)
    spots.X = form(counts)
    with pytest.raises(CountsError, match=rf"gene G1 in spot c is {bad:g}; counts must be finite"):
        check_counts(spots)


def test_spots_outside_of_the_slide_are_counted_and_named():
    slide = Slide.from_array(np.zeros((121, 111, 3), np.uint8), name="small")
    check_spots(table(), slide)
    shifted = spot_table(XY + np.array([0, 10]), diameter_px=55, ids=["a", "b", "c", "d"])
    with pytest.raises(SpotsOutsideSlide, match=r"2 of 4 .*'small' \(111 x 121.* c at \(10, 130\)"):
        check_spots(shifted, slide)


def test_tables_from_elsewhere_are_checked():
    with pytest.raises(SpotsError, match=r"obsm\['spatial'\] is missing"):
        positions(AnnData(np.ones((3, 2))))
    lost = table()
    lost.obsm["spatial"] = np.where(XY == 110, np.nan, XY)
    with pytest.raises(SpotsError, match="spot spot_1 are not finite"):
        positions(lost)
    two = table()
    two.uns["spatial"] = {"A": {}, "B": {}}
    with pytest.raises(SpotsError, match=r"describes 2 \(A, B\)"):
        library(two)
    two.uns["spatial"] = {"A": {}}
    with pytest.raises(SpotsError, match="spot_diameter_fullres is missing"):
        spot_diameter(two)


def test_the_pitch_of_an_array_is_that_of_its_lattice_and_not_of_jittered_neighbours():
    random = np.random.default_rng(0)
    array_xy = np.stack(np.meshgrid(np.arange(12.0), np.arange(15.0)), -1).reshape(-1, 2)
    turn = np.deg2rad(20)
    axes = 290 * np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    xy = 500 + array_xy @ axes + random.normal(0, 24, array_xy.shape)
    # Least squares over 180 spots: the error of the scale is near 24 / (290 * 180 ** .5 * 4).
    assert array_pitch(array_xy, xy) == pytest.approx(290, rel=5e-3)
    spots = spot_table(xy, diameter_px=145)
    assert pitch(spots) == pytest.approx(290, rel=5e-3)  # of neighbours' places alone
    spots.obs[["array_x", "array_y"]] = array_xy
    assert mpp_from_pitch(spots, 200) == pytest.approx(200 / 290, rel=5e-3)


def test_a_pitch_needs_spots_that_are_apart():
    with pytest.raises(SpotsError, match="at least two"):
        pitch(spot_table(XY[:1], diameter_px=5))
    with pytest.raises(MissingScale, match="pitch of 0"):
        mpp_from_pitch(spot_table(XY[[0, 0]], diameter_px=5), 100)


def test_the_pitch_of_a_real_visium_section_is_its_100_micrometres(data_dir: Path):
    spots = read_spots(data_dir / "squidpy_mouse_brain_crop" / "counts_100genes.h5ad")
    # 0.730 by the folder's README, from nearest neighbours of 137 px; 0.727 by HEST's metadata.
    assert mpp_from_pitch(spots, 100) == pytest.approx(0.727, rel=5e-3)
