"""Of several pictures in a file the slide is shown, whatever their sizes, or the one asked for."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_stem.errors import Hint, OptionError, Remedy, SlideUnreadable
from napari_stem.slides.pictures import Picture, choose_picture
from napari_stem.slides.slide import Slide, open_slide

from .tiff_writers import APERIO, halved, stained

IMAGE = stained()  # 448 x 320
ASIDE = np.full((500, 900, 3), 90, np.uint8)  # larger than the slide
RGB: dict[str, Any] = {"photometric": "rgb", "metadata": None}
TILED = {**RGB, "tile": (128, 128)}
SIZE = {"axes": "YXS", "PhysicalSizeXUnit": "µm", "PhysicalSizeYUnit": "µm"}


def whole(slide: Slide) -> np.ndarray:
    return slide.read_region(0, 0, slide.width, slide.height)


def write_ome(path: Path, **images: tuple[np.ndarray, float | None]) -> None:
    """Images of OME in one file, each with its name and its micrometres per pixel."""
    with tifffile.TiffWriter(path, ome=True) as tiff:
        for name, (image, mpp) in images.items():
            sizes = {} if mpp is None else {"PhysicalSizeX": mpp, "PhysicalSizeY": mpp}
            about = {**SIZE, "Name": name.replace("_", " "), **sizes}
            tiff.write(image, photometric="rgb", tile=(128, 128), metadata=about)


@pytest.fixture
def two_scans(tmp_path: Path) -> Path:
    write_ome(tmp_path / "two.ome.tif", first=(IMAGE, 0.5), second=(255 - IMAGE, 0.25))
    return tmp_path / "two.ome.tif"


def test_an_svs_smaller_than_its_label_and_macro(tmp_path: Path):
    path = tmp_path / "cut.svs"
    about = f"{APERIO.format(w=448, h=320)}|MPP = 0.4990"
    head = "Aperio Image Library v11.2.1\r\n"
    with tifffile.TiffWriter(path) as tiff:
        tiff.write(IMAGE, description=about, **TILED)
        tiff.write(halved(IMAGE), description=about, **RGB)
        tiff.write(ASIDE[:, :450], description=f"{head}label 450x500", subfiletype=1, **RGB)
        tiff.write(ASIDE, description=f"{head}macro 900x500", subfiletype=9, **RGB)
    with open_slide(path) as slide:
        np.testing.assert_array_equal(whole(slide), IMAGE)
        assert slide.mpp == 0.499
        assert slide.pictures == ("Baseline", "Thumbnail", "Label", "Macro")
        assert slide.notes == ()  # what the file names needs no telling


def test_an_svs_whose_pictures_have_no_descriptions(tmp_path: Path):
    path = tmp_path / "gt450.svs"
    about = f"{APERIO.format(w=448, h=320)}|MPP = 0.263158"
    with tifffile.TiffWriter(path, bigtiff=True) as tiff:
        tiff.write(IMAGE, description=about, **TILED)
        tiff.write(halved(halved(IMAGE)), description=about, **TILED)
        tiff.write(ASIDE[:, :600], subfiletype=1, **RGB)
        tiff.write(ASIDE, subfiletype=9, **RGB)
    with open_slide(path) as slide:
        np.testing.assert_array_equal(whole(slide), IMAGE)
        assert slide.mpp == 0.263158


@pytest.mark.parametrize(
    "aside",
    [{"subfiletype": 1}, {"description": "Macro 900x500"}, {}],
    ids=["flagged as reduced", "described", "in strips"],
)
def test_a_plain_tiff_with_a_larger_picture_of_the_glass(tmp_path: Path, aside: dict[str, Any]):
    path = tmp_path / "slide.tif"
    with tifffile.TiffWriter(path) as tiff:
        tiff.write(ASIDE, **RGB, **aside)
        tiff.write(IMAGE, **TILED, resolution=(20_000, 20_000), resolutionunit="CENTIMETER")
    with open_slide(path) as slide:
        np.testing.assert_array_equal(whole(slide), IMAGE)
        assert slide.mpp == 0.5


@pytest.mark.parametrize(
    ("name", "mpp"), [("label image", None), ("macro", 0.5), ("case 7", 14.0), ("case 7", None)]
)
def test_images_of_ome_are_told_apart_by_name_and_scale(
    tmp_path: Path, name: str, mpp: float | None
):
    path = tmp_path / "slide.ome.tif"
    write_ome(path, **{name: (ASIDE, mpp), "case 7 20x": (IMAGE, 0.5)})
    with open_slide(path) as slide:
        np.testing.assert_array_equal(whole(slide), IMAGE)
        assert (slide.mpp, slide.picture) == (0.5, 1)


def test_a_name_that_only_contains_such_a_word_is_none_of_these():
    scan = Picture("macrophages", 100, 100, mpp=0.5)
    assert choose_picture([Picture("thumbnail", 200, 200, mpp=0.5), scan]).number == 1


def test_a_pyramid_is_a_slide_rather_than_a_larger_flat_picture():
    flat, pyramid = Picture("a", 900, 500), Picture("b", 448, 320, has_levels=True)
    assert choose_picture([flat, pyramid]).number == 1


def test_of_equals_the_largest_is_taken_and_the_others_are_told(tmp_path: Path):
    path = tmp_path / "scans.ome.tif"
    write_ome(path, small=(IMAGE[:100], 0.5), large=(IMAGE, 0.5), macro=(ASIDE, 30.0))
    with open_slide(path) as slide:
        np.testing.assert_array_equal(whole(slide), IMAGE)
        (note,) = slide.notes
    assert note == (
        "The file has 3 pictures. Picture 1 ('large') is the slide; the others are 0 ('small'), "
        "2 ('macro')."
    )


def test_another_picture_is_taken_by_name_or_number(two_scans: Path):
    with open_slide(two_scans) as slide:
        assert (slide.pictures, slide.picture) == (("first", "second"), 0)
        assert slide.mpp == 0.5
    for wanted in ("second", "1", 1):
        with open_slide(two_scans, picture=wanted) as slide:
            np.testing.assert_array_equal(whole(slide), 255 - IMAGE)
            assert (slide.picture, slide.mpp) == (1, 0.25)  # of one size, and of its own scale
            assert slide.notes == ()


def test_pictures_of_one_file_are_different_slides(two_scans: Path):
    with open_slide(two_scans) as first, open_slide(two_scans, picture=1) as second:
        assert first.fingerprint != second.fingerprint
        with pickle.loads(pickle.dumps(second)) as again:
            np.testing.assert_array_equal(whole(again), 255 - IMAGE)
            assert (again.fingerprint, again.mpp) == (second.fingerprint, 0.25)


def test_a_picture_that_is_not_rgb_names_the_others(tmp_path: Path):
    path = tmp_path / "mixed.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as tiff:
        tiff.write(ASIDE[..., 0], metadata={"axes": "YX", "Name": "DAPI"})
        tiff.write(IMAGE, photometric="rgb", metadata={"axes": "YXS", "Name": "HE"})
    with pytest.raises(
        SlideUnreadable, match=r"0 \('DAPI'\); the file also has 1 \('HE'\)"
    ) as told:
        open_slide(path)
    assert told.value.hint == Hint(Remedy.PICTURE, "1")
    with open_slide(path, picture="HE") as slide:
        np.testing.assert_array_equal(whole(slide), IMAGE)


@pytest.mark.parametrize("wanted", ["third", "2", 5, -1])
def test_a_picture_that_is_not_there_is_named_with_those_that_are(two_scans: Path, wanted: Any):
    with pytest.raises(OptionError, match=rf"no picture '{wanted}'; the file has 0 \('first'\), 1"):
        open_slide(two_scans, picture=wanted)


def test_a_format_with_one_picture_has_no_other(tmp_path: Path):
    path = tmp_path / "slide.png"
    Image.fromarray(IMAGE).save(path)
    with open_slide(path, picture="0") as slide:
        assert slide.pictures == ()
    with pytest.raises(OptionError, match="no picture 'macro': the file has one picture alone"):
        open_slide(path, picture="macro")


def test_pictures_of_one_name_are_told_apart_by_number():
    pictures = [Picture("scan", 10, 10), Picture("scan", 20, 20), Picture("other", 5, 5)]
    assert choose_picture(pictures).names == ("scan #0", "scan #1", "other")
    assert choose_picture(pictures, "scan #0").number == 0
