"""Tiles index as numpy does, and read each tile of what is visible once."""

from __future__ import annotations

import numpy as np
import pytest

from napari_stem._napari.canvas.tiles import Tiles


class Level:
    """Pixels that note which regions are read."""

    def __init__(self, pixels):
        self.pixels, self.reads = pixels, []
        self.shape, self.dtype = pixels.shape, pixels.dtype

    def __getitem__(self, key):
        self.reads.append(key)
        return self.pixels[key]


@pytest.fixture
def level():
    return Level(np.random.default_rng(0).integers(0, 255, (2500, 1300, 3), np.uint8))


@pytest.mark.parametrize(
    "key",
    [
        np.s_[:],
        np.s_[1000:1100, 900:1200],
        np.s_[1023:1025, 1023:1025, 1],
        np.s_[5::700, -100:],
        np.s_[2400:5000, 7],
        np.s_[-1, 3, :2],
        np.s_[10:10],
        np.s_[2000:90:-250, 1200:0:-3],
        np.s_[2047],
    ],
)
def test_pixels_are_those_of_numpy(level, key):
    np.testing.assert_array_equal(Tiles(level)[key], level.pixels[key])


def test_a_move_of_the_camera_reads_only_new_tiles(level):
    tiles = Tiles(level)
    for left in range(0, 200, 10):
        tiles[100:900, left : left + 700]
    assert len(level.reads) == 1
    tiles[100:900, 600:1300]
    assert len(level.reads) == 2


def test_a_place_outside_is_refused_as_by_numpy(level):
    with pytest.raises(IndexError):
        Tiles(level)[2500]


def test_the_whole_level_is_an_array(level):
    np.testing.assert_array_equal(np.asarray(Tiles(level)), level.pixels)
