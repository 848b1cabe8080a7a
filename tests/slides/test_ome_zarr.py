"""OME-Zarr as it is found: lost chunks, collections, archives, and old versions."""

from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import zarr
from scipy import ndimage

from napari_stem.errors import OptionError, Remedy, SlideUnreadable
from napari_stem.slides.slide import Slide, open_slide

RANDOM = np.random.default_rng(0)
IMAGE = RANDOM.integers(1, 256, (256, 384, 3), dtype=np.uint8)  # nowhere the fill value
HOLE = (slice(64, 128), slice(128, 192))  # chunk 1, 2
SETS = ("0", "1", "2")


def write(path: Path, image: np.ndarray, *, levels: int = 3, version: str = "0.4") -> None:
    """Levels of an image, each half of the one before, in chunks of 64 pixels."""
    group = zarr.open_group(path, mode="w", zarr_format=3 if version == "0.5" else 2)
    _fill(group, image, levels, version)


def _fill(group: zarr.Group, image: np.ndarray, levels: int, version: str) -> None:
    for name in SETS[:levels]:
        planes = np.ascontiguousarray(np.moveaxis(image, -1, 0))
        group.create_array(name, data=planes, chunks=(3, 64, 64))
        image = image.reshape(image.shape[0] // 2, 2, image.shape[1] // 2, 2, 3).mean((1, 3))
        image = image.astype(np.uint8)
    about = {
        "axes": [{"name": "c"}] + [{"name": n, "unit": "micrometer"} for n in "yx"],
        "datasets": [
            {
                "path": name,
                "coordinateTransformations": [{"type": "scale", "scale": [1, 0.5, 0.5]}],
            }
            for name in SETS[:levels]
        ],
        "version": version,
    }
    below = {"ome": {"multiscales": [about]}} if version == "0.5" else {"multiscales": [about]}
    group.attrs.update(below)


def chunk(path: Path, level: int, row: int, column: int) -> Path:
    return path / str(level) / f"0.{row}.{column}"


def whole(slide: Slide, level: int = 0) -> np.ndarray:
    height, width = slide.levels[level].shape[:2]
    return slide.read_region(0, 0, width, height, level)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write(tmp_path / "slide.ome.zarr", IMAGE)
    return tmp_path / "slide.ome.zarr"


@pytest.mark.parametrize("lost", [[(1, 2)], [(r, c) for r in range(4) for c in range(6)]])
def test_a_copy_that_lost_chunks_is_refused(path: Path, lost: list[tuple[int, int]]):
    for place in lost:
        chunk(path, 0, *place).unlink()
    with pytest.raises(SlideUnreadable, match=f"incomplete: {len(lost)} chunks? of 24"):
        open_slide(path)


def test_an_empty_region_that_was_not_stored_is_no_loss(tmp_path: Path):
    sparse = IMAGE.copy()
    sparse[HOLE] = 0
    write(tmp_path / "slide.zarr", sparse)
    assert not chunk(tmp_path / "slide.zarr", 0, 1, 2).exists()
    with open_slide(tmp_path / "slide.zarr") as slide:
        np.testing.assert_array_equal(whole(slide), sparse)
        assert slide.notes == ()


def test_a_coarse_level_that_lost_a_chunk_is_made_again(path: Path):
    chunk(path, 1, 0, 1).unlink()
    with open_slide(path) as slide:
        assert slide.notes == (
            "Level 1 lacks 1 chunk of 6; it was made again from the finer level.",
        )
        assert slide.downsamples == (1, 4)
        np.testing.assert_array_equal(whole(slide), IMAGE)


def test_where_no_level_tells_the_user_must_say_that_chunks_are_empty(tmp_path: Path):
    path = tmp_path / "slide.zarr"
    sparse = IMAGE.copy()
    sparse[HOLE] = 0
    write(path, sparse, levels=1)
    with pytest.raises(
        SlideUnreadable, match=r"1 chunk of 24 .* not stored, and no coarser"
    ) as told:
        open_slide(path)
    assert told.value.hint is not None
    assert told.value.hint.remedy is Remedy.SPARSE
    with open_slide(path, sparse=True) as slide:
        np.testing.assert_array_equal(whole(slide), sparse)
        told = "1 chunk of the finest level not stored; shown empty, as you confirmed."
        assert slide.notes == (told,)
        with pickle.loads(pickle.dumps(slide)) as again:
            np.testing.assert_array_equal(whole(again), sparse)


def test_a_chunk_that_vanishes_after_opening_is_an_error(path: Path):
    with open_slide(path) as slide:
        chunk(path, 0, 1, 2).unlink()
        with pytest.raises(SlideUnreadable, match="was there when the slide was opened"):
            slide.read_region(130, 70, 5, 5)
        np.testing.assert_array_equal(slide.read_region(0, 0, 64, 64), IMAGE[:64, :64])
        shutil.rmtree(path)  # the whole folder, as when a share is gone
        with pytest.raises(SlideUnreadable, match="was there when the slide was opened"):
            slide.read_region(0, 0, 64, 64)


def test_chunks_of_single_pixels_are_refused(tmp_path: Path):
    write(tmp_path / "slide.zarr", IMAGE)
    for level in SETS:
        about = tmp_path / "slide.zarr" / level / ".zarray"
        said = json.loads(about.read_text())
        about.write_text(json.dumps({**said, "chunks": [3, 1, 1]}))
    with pytest.raises(SlideUnreadable, match="too small"):
        open_slide(tmp_path / "slide.zarr")


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_a_zip_archive(tmp_path: Path, version: str):
    write(tmp_path / "folder", IMAGE, version=version)
    path = shutil.make_archive(tmp_path / "slide.ome.zarr", "zip", tmp_path / "folder")
    with open_slide(path) as slide:
        assert (slide.name, slide.mpp) == ("slide", 0.5)
        np.testing.assert_array_equal(whole(slide), IMAGE)


def test_a_zip_archive_of_other_things_is_refused(tmp_path: Path):
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "note.txt").touch()
    shutil.make_archive(tmp_path / "other", "zip", tmp_path / "text")
    with pytest.raises(SlideUnreadable, match="is not an OME-Zarr image"):
        open_slide(tmp_path / "other.zip")


XML = """<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">
<Image ID="Image:0" Name="macro image"/><Image ID="Image:1" Name="case 7"/></OME>"""


def write_collection(path: Path, *images: np.ndarray, version: str = "0.4") -> None:
    """The folder that bioformats2raw makes of a file with several pictures."""
    root = zarr.open_group(path, mode="w", zarr_format=3 if version == "0.5" else 2)
    numbers = [str(number) for number in range(len(images))]
    listed, named = {"bioformats2raw.layout": 3}, {"series": numbers}
    ome = root.create_group("OME")
    root.attrs.update({"ome": listed} if version == "0.5" else listed)
    ome.attrs.update({"ome": named} if version == "0.5" else named)
    for number, image in zip(numbers, images, strict=True):
        _fill(root.create_group(number), image, 2, version)


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_of_a_collection_the_larger_picture_is_taken_and_the_others_are_named(
    tmp_path: Path, version: str
):
    path = tmp_path / "slide.zarr"
    write_collection(path, 255 - IMAGE[:128], IMAGE, version=version)
    with open_slide(path) as slide:
        np.testing.assert_array_equal(whole(slide), IMAGE)
        assert slide.mpp == 0.5
        assert slide.notes == (
            "The file has 2 pictures. Picture 1 ('1') is the slide; the others are 0 ('0').",
        )
        fingerprint = slide.fingerprint
    with open_slide(path, picture="0") as slide:
        np.testing.assert_array_equal(whole(slide), 255 - IMAGE[:128])
        assert slide.fingerprint != fingerprint


@pytest.mark.parametrize("zipped", [False, True])
def test_names_in_a_collection_tell_the_slide_from_its_macro(tmp_path: Path, zipped: bool):
    path = tmp_path / "slide.zarr"
    write_collection(path, np.vstack([IMAGE, IMAGE]), IMAGE)
    (path / "OME" / "METADATA.ome.xml").write_text(XML, encoding="utf-8")
    if zipped:
        path = Path(shutil.make_archive(str(tmp_path / "slide"), "zip", path))
    with open_slide(path) as slide:
        assert (slide.pictures, slide.picture) == (("macro image", "case 7"), 1)
        np.testing.assert_array_equal(whole(slide), IMAGE)
        assert slide.notes == ()
        with pickle.loads(pickle.dumps(slide)) as again:
            assert again.fingerprint == slide.fingerprint


def test_a_picture_of_an_ome_zarr_with_one(path: Path):
    with pytest.raises(OptionError, match="has one picture alone"):
        open_slide(path, picture="macro")


@pytest.mark.parametrize(
    ("about", "message"),
    [
        ({"plate": {"wells": [{"path": "A/1"}, {"path": "B/3"}]}}, "plate .* A/1/0, B/3/0"),
        ({"well": {"images": [{"path": "0"}, {"path": "1"}]}}, "well .* Open one of them: 0, 1"),
    ],
)
def test_plates_and_wells_are_named_as_what_they_are(tmp_path: Path, about: dict, message: str):
    zarr.open_group(tmp_path / "p.zarr", mode="w", zarr_format=2).attrs.update(about)
    with pytest.raises(SlideUnreadable, match=message):
        open_slide(tmp_path / "p.zarr")


def test_the_first_version_names_no_axes(tmp_path: Path):
    group = zarr.open_group(tmp_path / "old.zarr", mode="w", zarr_format=2)
    planes = np.ascontiguousarray(np.moveaxis(IMAGE, -1, 0)[None, :, None])
    group.create_array("0", data=planes, chunks=(1, 1, 1, 64, 64))
    group.attrs["multiscales"] = [{"version": "0.1", "datasets": [{"path": "0"}]}]
    with open_slide(tmp_path / "old.zarr") as slide:
        assert slide.mpp is None
        np.testing.assert_array_equal(whole(slide), IMAGE)


def write_planes(path: Path, planes: np.ndarray, *pictures: dict) -> None:
    """Planes in one level, with axes T, C, Z, Y, X."""
    group = zarr.open_group(path, mode="w", zarr_format=2)
    group.create_array("0", data=planes, chunks=(1, 1, 1, 64, 64))
    about = {"version": "0.4", "axes": list("tczyx"), "datasets": [{"path": "0"}]}
    group.attrs["multiscales"] = [about | picture for picture in pictures or ({},)]
    colours = [{"color": colour} for colour in ("FF0000", "00FF00", "0000FF")]
    group.attrs["omero"] = {"channels": colours}


@pytest.mark.parametrize("kind", ["<u2", ">u2"])
@pytest.mark.parametrize("bits", [8, 12, 16])
def test_16_bits_are_scaled_by_those_that_are_used(tmp_path: Path, kind: str, bits: int):
    image = IMAGE.copy()
    image[::2, ::2] = 255
    planes = np.moveaxis(image.astype(kind), -1, 0)[None, :, None] << (bits - 8)
    write_planes(tmp_path / "slide.zarr", np.ascontiguousarray(planes.astype(kind)))
    with open_slide(tmp_path / "slide.zarr") as slide:
        np.testing.assert_array_equal(whole(slide), image)
        assert slide.notes[0].startswith(f"Of the 16 bits of a sample, {bits} are used")


def test_of_focal_planes_the_sharpest_is_shown_and_of_times_the_first(tmp_path: Path):
    sharp = np.moveaxis(IMAGE, -1, 0)
    blurred = ndimage.uniform_filter(sharp, (1, 9, 9))
    stack = np.stack([blurred, sharp, blurred], axis=1)
    write_planes(tmp_path / "slide.zarr", np.stack([stack, 255 - stack]))
    with open_slide(tmp_path / "slide.zarr") as slide:
        np.testing.assert_array_equal(whole(slide), IMAGE)
        assert slide.notes == (
            "The file has 2 pictures of this size; the first is shown.",
            "Of 3 focal planes the one that is the sharpest is shown, number 2.",
        )


def test_several_pictures_in_one_folder_are_listed(tmp_path: Path):
    path = tmp_path / "slide.zarr"
    planes = np.moveaxis(IMAGE, -1, 0)[None, :, None]
    write_planes(path, planes, {"name": "label"}, {"name": "scan", "datasets": [{"path": "1"}]})
    other = np.ascontiguousarray(255 - planes)
    zarr.open_group(path).create_array("1", data=other, chunks=(1, 1, 1, 64, 64))
    with open_slide(path) as slide:
        assert (slide.pictures, slide.picture) == (("label", "scan"), 1)
        np.testing.assert_array_equal(whole(slide), 255 - IMAGE)
    with open_slide(path, picture="label") as slide:
        np.testing.assert_array_equal(whole(slide), IMAGE)


def test_a_slide_with_other_pixels_is_another_slide(tmp_path: Path):
    """Also where only the finest level tells, whose chunks are all of one size."""
    slides = []
    for name, pixels in (("one", IMAGE), ("two", IMAGE[::-1])):
        planes = np.ascontiguousarray(np.moveaxis(pixels, -1, 0))
        group = zarr.open_group(tmp_path / f"{name}.zarr", mode="w", zarr_format=2)
        for number, data in (("0", planes), ("1", np.full((3, 128, 192), 200, np.uint8))):
            group.create_array(number, data=data, chunks=(3, 64, 64), compressors=None)
        group.attrs["multiscales"] = [
            {"version": "0.4", "axes": list("cyx"), "datasets": [{"path": "0"}, {"path": "1"}]}
        ]
        with open_slide(tmp_path / f"{name}.zarr") as slide:
            slides.append(slide.fingerprint)
    assert slides[0] != slides[1]
    shutil.copytree(tmp_path / "one.zarr", tmp_path / "copy.zarr")
    with open_slide(tmp_path / "copy.zarr") as slide:
        assert slide.fingerprint == slides[0]


def test_levels_are_found_in_any_order(path: Path):
    group = zarr.open_group(path)
    about = dict(group.attrs["multiscales"][0])
    for number, level in enumerate(about["datasets"]):
        level["coordinateTransformations"][0]["scale"] = [1, 0.5 * 2**number, 0.5 * 2**number]
    group.attrs["multiscales"] = [{**about, "datasets": about["datasets"][::-1]}]
    with open_slide(path) as slide:
        assert (slide.downsamples, slide.mpp) == ((1, 2, 4), 0.5)
        np.testing.assert_array_equal(whole(slide), IMAGE)


def test_a_hot_pixel_darkens_no_other(tmp_path: Path):
    planes = np.moveaxis(IMAGE.astype(np.uint16) << 4, -1, 0)[None, :, None].copy()
    planes[..., 0, 0] = 65535
    write_planes(tmp_path / "slide.zarr", planes)
    with open_slide(tmp_path / "slide.zarr") as slide:
        np.testing.assert_array_equal(whole(slide)[1:], IMAGE[1:])


def test_a_picture_that_is_listed_but_not_stored_is_left_out(tmp_path: Path):
    planes = np.moveaxis(IMAGE, -1, 0)[None, :, None]
    write_planes(tmp_path / "slide.zarr", planes, {}, {"datasets": [{"path": "nowhere"}]})
    with open_slide(tmp_path / "slide.zarr") as slide:
        np.testing.assert_array_equal(whole(slide), IMAGE)
        assert slide.pictures == ()
