"""Discs as pixels: their area, who wins where they overlap, and how large a raster becomes."""

from __future__ import annotations

import numpy as np
import pytest

from napari_stem.spots.raster import SpotRaster, have_same_raster, spot_raster
from napari_stem.spots.table import spot_table

RANDOM = np.random.default_rng(0)


def test_discs_have_the_area_of_circles():
    raster = SpotRaster(np.array([[500.0, 500.0], [900.0, 700.0]]), 110.0)
    areas = np.bincount(raster.index.ravel())[:2] * raster.step**2
    np.testing.assert_allclose(areas, np.pi * 55**2, rtol=0.02)  # edges of 32 pixels


def test_where_discs_overlap_the_nearest_spot_wins():
    xy = RANDOM.uniform(0, 1000, (40, 2))
    raster = SpotRaster(xy, 200.0)
    height, width = raster.index.shape
    x = raster.left + (np.arange(width) + 0.5) * raster.step
    y = raster.top + (np.arange(height) + 0.5) * raster.step
    distance = np.hypot(x[:, None] - xy[:, 0], y[:, None, None] - xy[:, 1])
    expected = np.where(distance.min(axis=-1) <= 100, distance.argmin(axis=-1), len(xy))
    assert (raster.index != expected).mean() < 1e-4  # distances that differ by rounding


def test_many_spots_make_no_larger_raster_than_is_quick_and_none_vanishes():
    xy = np.stack(np.meshgrid(np.arange(300.0), np.arange(300.0)), -1).reshape(-1, 2) * 200
    raster = SpotRaster(xy, 110.0)
    assert raster.index.size < 4.1e6
    assert len(np.unique(raster.index)) == len(xy) + 1


@pytest.mark.parametrize(("values", "background"), [([1.5, 2.5], np.nan), ([3, 7], 0)])
def test_each_pixel_gets_its_spots_value_in_the_type_of_the_values(values, background):
    raster = SpotRaster(np.array([[0.0, 0.0], [500.0, 0.0]]), 100.0)
    wanted = np.array(values, np.float32 if np.isnan(background) else np.uint8)
    painted = raster.paint(wanted, background)
    assert painted.dtype == wanted.dtype
    for spot in (0, 1):
        assert (painted[raster.index == spot] == wanted[spot]).all()
    rest = painted[raster.index == raster.n_spots]
    np.testing.assert_array_equal(rest, np.full_like(rest, background))
    again = raster.paint(wanted[::-1].copy(), background, out=painted)
    assert again is painted
    assert (painted[raster.index == 0] == wanted[1]).all()


def test_tables_with_the_same_discs_have_the_same_raster():
    xy = [(100.0, 50.0), (300.0, 210.0)]
    spots = spot_table(xy, diameter_px=80)
    named = spot_table(xy, diameter_px=80, ids=["a", "b"])
    assert have_same_raster(spots, named)
    np.testing.assert_array_equal(spot_raster(spots).index, spot_raster(named).index)
    assert not have_same_raster(spots, spot_table(xy, diameter_px=81))
    assert not have_same_raster(spots, spot_table(xy[::-1], diameter_px=80))


def test_stripes_cover_about_half_of_a_spot_and_nothing_of_another():
    raster = SpotRaster(np.array([[0.0, 0.0], [500.0, 0.0]]), 100.0)
    striped = raster.hatched(np.array([True, False]))
    whole, left = (raster.index == 0).sum(), (striped.index == 0).sum()
    assert 0.4 < left / whole < 0.6
    np.testing.assert_array_equal(striped.index == 1, raster.index == 1)
    middle = np.argwhere(raster.index == 0).mean(axis=0).round().astype(int)
    assert striped.index[tuple(middle)] == 0  # where the mouse reads its value
    assert raster.hatched(np.zeros(2, bool)) is raster
