"""Tiles and strips that a file leaves out: the finer level shows there, or white."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_stem.errors import SlideUnreadable
from napari_stem.slides.slide import open_slide
from napari_stem.slides.tissue import tissue_mask

from .test_slide_formats import by_openslide
from .tiff_writers import halved, lose_tiles, stained, write_aperio

IMAGE = stained(768, 1024)


def test_a_tile_that_a_level_lacks_shows_the_next_finer_level(tmp_path: Path):
    path = tmp_path / "slide.svs"
    half = halved(IMAGE)
    write_aperio(path, IMAGE, half, halved(half), compression="zlib")
    lose_tiles(path, [2, 6, 7, 10], page=2)
    lose_tiles(path, [1, 3], page=3)
    with open_slide(path) as slide:
        for level, expected in enumerate((IMAGE, half, halved(half))):
            height, width = expected.shape[:2]
            found = slide.read_region(0, 0, width, height, level).astype(int)
            assert abs(found - expected).max() <= level  # each mean is rounded
            assert abs(found - by_openslide(path, level)).max() <= level
            piece = slide.read_region(width // 2 - 9, 30, 40, 50, level).astype(int)
            place = expected[30:80, width // 2 - 9 : width // 2 + 31]
            assert abs(piece - place).max() <= level


def test_lost_tiles_of_a_level_cost_no_tissue(tmp_path: Path):
    whole, torn = tmp_path / "whole.svs", tmp_path / "torn.svs"
    for path in (whole, torn):
        write_aperio(path, IMAGE, halved(halved(IMAGE)))
    lose_tiles(torn, [1, 3], page=2)
    masks = []
    for path in (whole, torn):
        with open_slide(path) as slide:
            masks.append(tissue_mask(slide).mask)
    assert masks[0].mean() > 0.1
    assert (masks[0] != masks[1]).mean() < 0.01


def test_a_level_ends_in_white_where_the_finer_one_ends(tmp_path: Path):
    path = tmp_path / "slide.svs"
    odd = IMAGE[:701, :901]
    write_aperio(path, odd, halved(odd), compression="zlib")
    lose_tiles(path, range(24), page=2)
    with open_slide(path) as slide:
        found = slide.read_region(0, 0, 450, 350, level=1).astype(int)
        assert abs(found - halved(odd)).max() <= 1


def test_a_tile_that_no_level_has_is_white(tmp_path: Path):
    path = tmp_path / "slide.svs"
    write_aperio(path, IMAGE, halved(IMAGE))
    lose_tiles(path, [36])
    lose_tiles(path, [10], page=2)
    with open_slide(path) as slide:
        assert (slide.read_region(512, 512, 128, 128) == 255).all()
        found = slide.read_region(256, 256, 128, 128, level=1)
    assert (found[:64, :64] == 255).all()
    assert abs(found[70:] - halved(IMAGE)[326:384, 256:384].astype(int)).mean() < 3  # JPEG


def test_tissue_that_level_0_lacks_and_another_level_has_is_told(tmp_path: Path):
    path = tmp_path / "slide.svs"
    write_aperio(path, IMAGE, halved(IMAGE))
    lose_tiles(path, [0, 1])  # glass
    with open_slide(path) as slide:
        assert slide.notes == ()
    lose_tiles(path, [36])
    with open_slide(path) as slide:
        (note,) = slide.notes
    assert note.startswith("Tiles of level 0 are missing where a coarser level shows tissue.")


def test_a_slide_of_which_nothing_is_stored_is_refused(tmp_path: Path):
    path = tmp_path / "slide.svs"
    write_aperio(path, IMAGE, halved(IMAGE))
    lose_tiles(path, range(48))
    with pytest.raises(SlideUnreadable, match="none of the tiles of level 0 is stored"):
        open_slide(path)


def test_strips_that_are_missing_are_white(tmp_path: Path):
    path = tmp_path / "slide.tif"
    tifffile.imwrite(
        path, IMAGE, photometric="rgb", rowsperstrip=64, compression="zlib", metadata=None
    )
    lose_tiles(path, [0, 7])
    expected = IMAGE.copy()
    expected[:64] = expected[448:512] = 255
    with open_slide(path) as slide:
        np.testing.assert_array_equal(np.asarray(slide.levels[0]), expected)


def test_strips_of_all_kinds_are_read_as_pillow_reads_them(tmp_path: Path):
    for number, (rows, planar) in enumerate(((1, "contig"), (50, "contig"), (50, "separate"))):
        path = tmp_path / f"{number}.tif"
        image = IMAGE[:130, :200]
        tifffile.imwrite(
            path, np.moveaxis(image, -1, 0) if planar == "separate" else image,
            photometric="rgb", planarconfig=planar, rowsperstrip=rows, compression="lzw",
            predictor=True, metadata=None,
        )  # fmt: skip
        with open_slide(path) as slide, Image.open(path) as by_pillow:
            np.testing.assert_array_equal(np.asarray(slide.levels[0]), np.asarray(by_pillow))
