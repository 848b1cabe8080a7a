"""Pages that together make a picture, or of which one is chosen, and what the slide tells of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from scipy import ndimage

from napari_stem.errors import SlideUnreadable
from napari_stem.slides.slide import Slide, open_slide

from .tiff_writers import as_ycbcr, halved, stained, write_aperio

IMAGE = stained()
RGB_NOTE = "Three grey channels named red, green and blue are shown as one picture."


def whole(slide: Slide, level: int = 0) -> np.ndarray:
    height, width = slide.levels[level].shape[:2]
    return slide.read_region(0, 0, width, height, level)


def write_channels(path: Path, image: np.ndarray, names: list[str], **options: Any) -> None:
    channels = {"axes": "CYX", "Channel": {"Name": names}}
    tifffile.imwrite(
        path, np.moveaxis(image, -1, 0), photometric="minisblack", tile=(64, 64),
        metadata=channels, **options,
    )  # fmt: skip


@pytest.mark.parametrize("names", [["Red", "Green", "Blue"], ["r", "g", "b"]])
def test_three_grey_channels_named_as_colours_are_rgb(tmp_path: Path, names: list[str]):
    path = tmp_path / "slide.ome.tif"
    write_channels(path, IMAGE, names, compression="zlib")
    with open_slide(path) as slide:
        np.testing.assert_array_equal(whole(slide), IMAGE)
        assert slide.notes == (RGB_NOTE,)


def test_grey_channels_are_ordered_by_their_names(tmp_path: Path):
    path = tmp_path / "slide.ome.tif"
    write_channels(path, IMAGE[..., ::-1], ["Blue", "Green", "Red"])
    with open_slide(path) as slide:
        np.testing.assert_array_equal(whole(slide), IMAGE)


@pytest.mark.parametrize("names", [["DAPI", "Green", "Red"], ["Red", "Red", "Blue"], ["", "", ""]])
def test_other_grey_channels_are_refused_by_name(tmp_path: Path, names: list[str]):
    path = tmp_path / "slide.ome.tif"
    write_channels(path, IMAGE, names)
    named = f"channels {', '.join(names)}" if any(names) else "MINISBLACK"
    with pytest.raises(SlideUnreadable, match=f"is not RGB.*{named}"):
        open_slide(path)


@pytest.mark.parametrize("bits", [10, 12, 16])
def test_samples_of_16_bits_are_scaled_by_what_is_used(tmp_path: Path, bits: int):
    path = tmp_path / "slide.tif"
    deep = IMAGE.astype(np.uint16) << (bits - 8)
    tifffile.imwrite(path, deep, photometric="rgb", tile=(64, 64), compression="zlib")
    with open_slide(path) as slide:
        np.testing.assert_array_equal(whole(slide), IMAGE)
        (note,) = slide.notes
        assert note.startswith(f"Of the 16 bits of a sample, {bits} are used")


def test_8_bits_in_samples_of_16_stay_as_they_are(tmp_path: Path):
    path = tmp_path / "slide.ome.tif"
    write_channels(path, IMAGE.astype(np.uint16), ["Red", "Green", "Blue"])
    with open_slide(path) as slide:
        np.testing.assert_array_equal(whole(slide), IMAGE)
        assert slide.notes == (
            RGB_NOTE, "Of the 16 bits of a sample, 8 are used: what the brightest pixels need.",
        )  # fmt: skip


def test_ycbcr_of_16_bits(tmp_path: Path):
    path = tmp_path / "slide.tif"
    deep = as_ycbcr(IMAGE).astype(np.uint16) << 8
    tifffile.imwrite(path, deep, photometric="ycbcr", subsampling=(1, 1), tile=(64, 64))
    with open_slide(path) as slide:
        assert abs(whole(slide) - IMAGE.astype(int)).max() <= 3


def blurred(image: np.ndarray, sigma: float) -> np.ndarray:
    return np.asarray(ndimage.gaussian_filter(image, (sigma, sigma, 0)))


@pytest.mark.parametrize("sharp", range(3))
def test_the_sharpest_focal_plane_is_shown_and_named(tmp_path: Path, sharp: int):
    path = tmp_path / "slide.ome.tif"
    noise = np.random.default_rng(0).normal(0, 8, IMAGE.shape)
    image = (IMAGE + noise * (IMAGE < 230)).clip(0, 255).astype(np.uint8)
    planes = [blurred(image, abs(number - sharp)) for number in range(3)]
    tifffile.imwrite(
        path, np.stack(planes), photometric="rgb", tile=(64, 64), metadata={"axes": "ZYXS"}
    )
    with open_slide(path) as slide:
        np.testing.assert_array_equal(whole(slide), image)
        (note,) = slide.notes
    assert note == (f"Of 3 focal planes the one that is the sharpest is shown, number {sharp + 1}.")


def test_focal_planes_that_are_alike_show_the_first(tmp_path: Path):
    path = tmp_path / "slide.ome.tif"
    planes = np.stack([IMAGE, IMAGE])
    tifffile.imwrite(path, planes, photometric="rgb", tile=(64, 64), metadata={"axes": "ZYXS"})
    with open_slide(path) as slide:
        assert "number 1" in slide.notes[0]


def test_of_a_stack_that_is_described_once_the_first_plane_is_shown(tmp_path: Path):
    path = tmp_path / "slide.tif"
    planes = np.stack([IMAGE, 255 - IMAGE])
    tifffile.imwrite(path, planes, photometric="rgb", metadata={"axes": "ZYXS"}, truncate=True)
    with open_slide(path) as slide:
        np.testing.assert_array_equal(whole(slide), IMAGE)
        assert slide.notes == ("Of 2 focal planes the first is shown.",)


def test_of_several_pictures_of_one_size_the_first_is_shown(tmp_path: Path):
    path = tmp_path / "slide.tif"
    pictures = np.stack([IMAGE, 255 - IMAGE])
    tifffile.imwrite(path, pictures, photometric="rgb", tile=(64, 64), metadata=None)
    with open_slide(path) as slide:
        np.testing.assert_array_equal(whole(slide), IMAGE)
        assert slide.notes == ("The file has 2 pictures of this size; the first is shown.",)


def test_an_ordinary_slide_has_no_notes(tmp_path: Path):
    path = tmp_path / "slide.svs"
    image = stained(768, 1024)
    write_aperio(path, image, halved(image))
    with open_slide(path) as slide:
        assert slide.notes == ()
        assert slide.downsamples == (1, 2)


@pytest.mark.parametrize("shape", [(12, 6000), (6000, 12)])
def test_a_slide_of_very_long_sides_has_thumbnails(tmp_path: Path, shape: tuple[int, int]):
    path = tmp_path / "slide.tif"
    tifffile.imwrite(path, stained(*shape), photometric="rgb", tile=(64, 64), metadata=None)
    with open_slide(path) as slide:
        picture, scale = slide.thumbnail(100)
        assert max(picture.shape) == 100
        assert min(picture.shape[:2]) == 1
        assert scale == 60
