"""Levels lie where their pixels show them, whatever their sizes seem to say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_stem.slides.factors import Stored, fit_levels
from napari_stem.slides.slide import Slide, open_slide

from .dicom_writers import write_dicom
from .tiff_writers import halved, stained, write_aperio

IMAGE = stained(1000, 1300)
HALF = halved(IMAGE)
QUARTER = halved(HALF)


def padded(level: np.ndarray, side: int, value: int = 244) -> np.ndarray:
    height, width = (-level.shape[0] % side, -level.shape[1] % side)
    return np.pad(level, ((0, height), (0, width), (0, 0)), constant_values=value)


def reduced(image: np.ndarray, step: int) -> np.ndarray:
    """Means over squares of `step` pixels."""
    height, width = image.shape[0] // step * step, image.shape[1] // step * step
    squares = image[:height, :width].reshape(height // step, step, width // step, step, 3)
    return squares.mean(axis=(1, 3)).round().astype(np.uint8)


def downs(*levels: np.ndarray, tile: int = 256) -> list[float]:
    fitted, _ = fit_levels([Stored(level, (tile, tile)) for level in levels])
    return [one.down for one in fitted]


def check_levels(slide: Slide) -> None:
    assert slide.downsamples == (1, 2, 4)
    for number, expected in enumerate((IMAGE, HALF, QUARTER)):
        assert slide.levels[number].shape == expected.shape
        height, width = expected.shape[:2]
        read = slide.read_region(0, 0, width, height, number)
        np.testing.assert_array_equal(read, expected)


def test_levels_of_dicom_that_are_padded_to_whole_tiles(tmp_path: Path):
    for number, level in enumerate((IMAGE, HALF, QUARTER)):
        image = padded(level, 256) if number else level
        write_dicom(tmp_path / f"{number}.dcm", image, 0.0005 * 2**number)
    with open_slide(tmp_path / "0.dcm") as slide:
        assert slide.mpp == pytest.approx(0.5)
        check_levels(slide)
        assert slide.notes == (
            "A level of 768 x 512 px is padded; its pixels are reduced 2 times.",
            "A level of 512 x 256 px is padded; its pixels are reduced 4 times.",
        )


@pytest.mark.parametrize("border", [0, 244, 255])
def test_levels_of_a_tiff_that_are_padded_to_whole_tiles(tmp_path: Path, border: int):
    path = tmp_path / "slide.svs"
    levels = (IMAGE, padded(HALF, 256, border), padded(QUARTER, 256, border))
    write_aperio(path, *levels, compression="zlib", side=256)
    with open_slide(path) as slide:
        check_levels(slide)


def test_padding_may_be_wider_than_what_the_finer_level_shows():
    image = stained(754, 1765)
    levels = [padded(reduced(image, down), 256) for down in (2, 4, 8)]
    assert [level.shape[:2] for level in levels] == [(512, 1024), (256, 512), (256, 256)]
    assert downs(image, *levels) == [1, 2, 4, 8]


def test_pixels_decide_where_sizes_allow_two_factors():
    image = stained(1536, 1536)
    assert downs(image, reduced(image, 3)) == [1, 3]
    assert downs(image, padded(reduced(image, 4), 256)) == [1, 4]


def test_factors_that_are_no_power_of_two_are_read_of_the_sizes():
    for step in (3, 5, 10):
        assert downs(IMAGE, reduced(IMAGE, step)) == [1, step]
    fractional = Image.fromarray(IMAGE).resize((520, 400), Image.Resampling.BOX)
    assert downs(IMAGE, np.asarray(fractional), tile=1) == [1, 2.5]


def test_every_way_of_rounding_a_level_keeps_its_factor():
    image = IMAGE[:997, :1291]
    for down in (2, 4, 8, 16):
        for rounded in (reduced(image, down), image[::down, ::down]):
            assert downs(image, rounded) == [1, down]


def test_a_level_without_contrast_is_taken_by_its_size():
    plain = np.full_like(IMAGE, 244)
    assert downs(plain, padded(halved(plain), 256)) == [1, 2]


def test_a_picture_of_something_else_is_no_level():
    other = stained(512, 768)[::-1, ::-1]
    fitted, notes = fit_levels([Stored(IMAGE), Stored(other, (256, 256)), Stored(QUARTER)])
    assert [one.number for one in fitted] == [0, 2]
    assert notes == ("A level of 768 x 512 px does not show the same as level 0 and is not used.",)


def test_a_level_that_is_not_smaller_is_not_used():
    assert downs(IMAGE, IMAGE, HALF, HALF, QUARTER) == [1, 2, 4]


@pytest.mark.parametrize("turned", [np.s_[:, ::-1], np.s_[::-1], np.s_[::-1, ::-1]])
def test_a_level_of_the_right_size_that_shows_something_else_is_not_used(turned: tuple):
    levels = [IMAGE, np.ascontiguousarray(HALF[turned]), QUARTER]
    fitted, notes = fit_levels([Stored(level, (256, 256)) for level in levels])
    assert [(one.number, one.down) for one in fitted] == [(0, 1), (2, 4)]
    assert notes == ("A level of 650 x 500 px does not show the same as level 0 and is not used.",)


def test_levels_that_are_shifted_by_some_pixels_show_the_same():
    for shift in (-3, 2, 3):
        assert downs(IMAGE, np.roll(HALF, shift, axis=1), QUARTER) == [1, 2, 4]
