"""The pitch of arrays that lie turned, mirrored and jittered on their slide."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from napari_stem.io import read_spots
from napari_stem.spots.pitch import array_pitch, neighbour_pitch
from napari_stem.spots.table import mpp_from_pitch, positions, spot_table

PITCH = 137.0
ROWS, COLUMNS = (axis.ravel() for axis in np.meshgrid(np.arange(24), np.arange(40), indexing="ij"))


def square() -> tuple[np.ndarray, np.ndarray]:
    """Places in the array, and on a slide that it lies straight on."""
    array = np.column_stack([COLUMNS, ROWS]).astype(float)
    return array, PITCH * array


def hexagonal() -> tuple[np.ndarray, np.ndarray]:
    """As Visium numbers its spots: even columns in even rows, odd ones in odd rows."""
    array = np.column_stack([2 * COLUMNS + ROWS % 2, ROWS]).astype(float)
    return array, PITCH * array * (0.5, np.sqrt(3) / 2)


def laid(xy: np.ndarray, turn: float, *, mirrored: bool, jitter: float) -> np.ndarray:
    angle = np.deg2rad(turn)
    axes = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    turned = (xy * (-1 if mirrored else 1, 1)) @ axes
    return 3000 + turned + np.random.default_rng(1).normal(0, jitter, xy.shape)


@pytest.mark.parametrize("lattice", [square, hexagonal])
@pytest.mark.parametrize(
    ("turn", "mirrored", "jitter"),
    [(0, False, 0), (13, False, 0.08), (45, True, 0.08), (87, True, 0)],
)
def test_a_lattice_has_its_pitch_however_it_lies(lattice, turn, mirrored, jitter):
    array, xy = lattice()
    xy = laid(xy, turn, mirrored=mirrored, jitter=jitter * PITCH)
    # 960 jittered spots: least squares errs by about jitter / (spots ** .5 * 10 pitches).
    assert array_pitch(array, xy) == pytest.approx(PITCH, rel=2e-3)
    # A step between neighbours jitters more: 1.4 * .08 / 3000 ** .5 steps is 0.2 %.
    assert neighbour_pitch(xy) == pytest.approx(PITCH, rel=6e-3)


@pytest.mark.parametrize("columns", [("array_col", "array_row"), ("array_x", "array_y")])
def test_the_scale_follows_from_the_array_s_columns(columns):
    array, xy = hexagonal()
    spots = spot_table(laid(xy, 30, mirrored=True, jitter=0), diameter_px=89)
    spots.obs[list(columns)] = array
    assert mpp_from_pitch(spots, 100) == pytest.approx(100 / PITCH)


def test_a_lattice_with_gaps_keeps_its_pitch():
    array, xy = hexagonal()
    kept = np.random.default_rng(0).permutation(len(xy))[:500]
    assert array_pitch(array[kept], xy[kept]) == pytest.approx(PITCH)
    assert neighbour_pitch(xy[kept]) == pytest.approx(PITCH)


def test_scattered_places_have_the_distance_of_neighbours():
    xy = np.random.default_rng(0).uniform(0, 1000, (400, 2))
    # Of a Poisson process: the median of the nearest distance is (ln 2 / (pi density)) ** .5.
    expected = np.sqrt(np.log(2) / np.pi / (400 / 1000**2))
    assert neighbour_pitch(xy) == pytest.approx(expected, rel=0.1)


def test_spots_on_one_line_have_a_pitch():
    line = np.column_stack([np.arange(20.0) * 50, np.arange(20.0) * 20])
    assert neighbour_pitch(line) == pytest.approx(np.hypot(50, 20))
    assert array_pitch(np.column_stack([np.arange(20), np.zeros(20)]), line) == 0
    assert neighbour_pitch(np.zeros((20, 2))) == 0


def test_places_and_array_of_a_real_section_agree(data_dir: Path):
    path = data_dir / "visium" / "scanpy_fixture" / "spatial" / "tissue_positions_list.csv"
    table = pd.read_csv(path, header=None).to_numpy()
    array, xy = table[:, [3, 2]].astype(float), table[:, [5, 4]].astype(float)
    assert array_pitch(array, xy) == pytest.approx(137.5, abs=1)  # 137 by its README
    assert neighbour_pitch(xy) == pytest.approx(array_pitch(array, xy), rel=5e-3)


def test_jittered_spots_of_a_real_array_need_no_array(data_dir: Path):
    spots = read_spots(data_dir / "her2st" / "C5")
    array = spots.obs[["array_x", "array_y"]].to_numpy(float)
    # 24 px of 290 by the README; half a percent for 180 spots.
    expected = array_pitch(array, positions(spots))
    assert neighbour_pitch(positions(spots)) == pytest.approx(expected, rel=5e-3)
