"""A patch is the crop that indexing and resampling by hand give, wherever it lies."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from skimage.transform import rotate

from napari_stem.errors import MissingScale, OptionError, Remedy, SlideUnreadable
from napari_stem.features.patches import (
    PAPER,
    PHYSICAL,
    VIEWS,
    PatchGeometry,
    check_width,
    crop_patches,
    dihedral,
    iter_patches,
)
from napari_stem.slides.slide import Slide, open_slide

from ..slides.slide_writers import write_pyramid

IMAGE = np.random.default_rng(0).integers(0, 256, (1700, 1900, 3), dtype=np.uint8)
MARGIN = 4000


def by_hand(level: np.ndarray, centre: np.ndarray, span: float, size: int) -> np.ndarray:
    """The patch from an array that is padded white on all sides, cropped generously by index."""
    padded = np.pad(level, ((MARGIN, MARGIN), (MARGIN, MARGIN), (0, 0)), constant_values=255)
    x, y = centre + MARGIN - span / 2
    reach = int(4 * span) + 20
    left, top = int(x) - reach, int(y) - reach
    crop = padded[top : int(y + span) + reach, left : int(x + span) + reach]
    box = (x - left, y - top, x - left + span, y - top + span)
    return np.asarray(Image.fromarray(crop).resize((size, size), Image.Resampling.LANCZOS, box=box))


@pytest.fixture(scope="module")
def slide() -> Slide:
    return Slide.from_array(IMAGE, mpp=0.37)


CENTRES = {
    "middle": (950.0, 850.0),
    "between pixels": (700.3, 612.8),
    "left edge": (0.0, 400.0),
    "corner": (1899.5, 1699.5),
    "outside": (-90.0, 1800.0),
}


@pytest.mark.parametrize("centre", CENTRES.values(), ids=CENTRES)
@pytest.mark.parametrize(
    ("geometry", "level"),
    [
        (PatchGeometry(width_um=112.0, size=224), 0),  # 302.7 px: 1.35 pixels a pixel
        (PatchGeometry(width_um=30.0, size=224), 0),  # enlarged
        (PatchGeometry(width_um=112.0, size=100), 1),  # 3.03 pixels a pixel
        (PAPER, 0),
    ],
    ids=["1.35", "0.36", "3.03", "paper"],
)
def test_a_patch_is_the_crop_by_hand(
    slide: Slide, geometry: PatchGeometry, level: int, centre: tuple[float, float]
):
    patch = crop_patches(slide, np.array([centre]), geometry, spot_diameter_px=290.4)[0]
    pixels = np.asarray(slide.levels[level][:])
    width = 290.4 if geometry == PAPER else geometry.width_um / 0.37  # type: ignore[operator]
    scale = 2**level
    expected = by_hand(pixels, np.array(centre) / scale, width / scale, geometry.size)
    # On white noise: Pillow holds the place of the box in 24 bits and rounds between rows and
    # columns. A quarter of a pixel of error gives 18 to 135.
    assert abs(patch.astype(int) - expected).max() <= 2


@pytest.fixture(scope="module")
def pyramid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pyramid") / "slide.tif"
    write_pyramid(path, IMAGE)
    return path


@pytest.mark.parametrize("level", [0, 1, 2])
def test_every_level_of_a_file_is_used_where_it_is_fine_enough(pyramid: Path, level: int):
    with tifffile.TiffFile(pyramid) as tiff:
        pixels = tiff.series[0].asarray(level=level)
    size = 64
    with open_slide(pyramid) as slide:
        # As wide as `size` pixels of that level and a bit more, so that it is the best one.
        geometry = PatchGeometry(width_um=1.1 * size * 2**level * slide.require_mpp(), size=size)
        centres = np.array([[1111.1, 1500.5], [2.0, 1699.0]])
        patches = crop_patches(slide, centres, geometry)
    for patch, centre in zip(patches, centres, strict=True):
        expected = by_hand(pixels, centre / 2**level, 1.1 * size, size)
        assert abs(patch.astype(int) - expected).max() <= 1


def test_a_patch_at_scale_one_is_the_slides_own_pixels():
    slide = Slide.from_array(IMAGE, mpp=0.5)
    patch = crop_patches(slide, np.array([[500.0, 600.0]]), PHYSICAL)[0]
    np.testing.assert_array_equal(patch, IMAGE[488:712, 388:612])


def test_the_same_tissue_looks_alike_at_20x_and_40x():
    y, x = np.mgrid[:1600, :1600] / 1600
    fine = np.stack([np.sin(9 * x), np.cos(7 * y), np.sin(5 * (x + y))], axis=-1)
    fine = (127 + 120 * fine).astype(np.uint8)
    coarse = np.asarray(Image.fromarray(fine).reduce(2))
    at_40x = crop_patches(Slide.from_array(fine, mpp=0.25), np.array([[801.0, 777.0]]), PHYSICAL)
    at_20x = crop_patches(Slide.from_array(coarse, mpp=0.5), np.array([[400.5, 388.5]]), PHYSICAL)
    assert abs(at_40x.astype(int) - at_20x).max() <= 2


def test_the_papers_width_is_224_pixels_or_the_spots_diameter(slide: Slide):
    assert PAPER.width_px(slide, 145.0) == 224
    assert PAPER.width_px(slide, 300.0) == 300
    assert PAPER.widened(2).width_px(slide, 300.0) == 600
    assert PHYSICAL.width_px(slide, 300.0) == pytest.approx(112 / 0.37)
    assert PHYSICAL.widened(2).width_px(slide, 0) == pytest.approx(224 / 0.37)


def test_only_the_physical_geometry_needs_a_scale():
    slide = Slide.from_array(IMAGE)
    assert crop_patches(slide, np.array([[9.0, 9.0]]), PAPER).shape == (1, 224, 224, 3)
    with pytest.raises(MissingScale):
        crop_patches(slide, np.array([[9.0, 9.0]]), PHYSICAL)


@pytest.mark.parametrize("options", [{"width_um": 0}, {"size": 0}, {"factor": -1.0}])
def test_an_impossible_geometry_is_refused(options: dict[str, float]):
    with pytest.raises(OptionError, match=r"needs at least 1|must be positive"):
        PatchGeometry(**options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("n", "batch_size", "workers"), [(7, 3, 2), (6, 3, 1), (2, 5, 4), (0, 4, 2), (7, 3, 0)]
)
def test_reading_ahead_gives_the_same_patches_in_order(
    slide: Slide, n: int, batch_size: int, workers: int
):
    centres = np.random.default_rng(n).uniform(0, 1700, (n, 2))
    geometry = PatchGeometry(size=32)
    reader = iter_patches(slide, centres, geometry, batch_size=batch_size, readers=workers)
    batches = [batch for batch in reader if batch is not None]
    assert [rows.start for rows, _ in batches] == list(range(0, n, batch_size))
    joined = np.concatenate([np.empty((0, 32, 32, 3)), *(patches for _, patches in batches)])
    np.testing.assert_array_equal(joined, crop_patches(slide, centres, geometry))


def first(reader):
    return next(batch for batch in reader if batch is not None)


def reading_threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith("patches")]


class Counting(Slide):
    """A slide that counts what is read from it."""

    reads = 0

    def read_region(self, *args: int, **kwargs: int) -> np.ndarray:
        Counting.reads += 1
        time.sleep(0.002)
        return super().read_region(*args, **kwargs)


def test_closing_stops_reading_at_once_and_leaves_no_thread():
    slide = Counting.from_array(IMAGE, mpp=0.5)
    Counting.reads = 0
    reader = iter_patches(slide, np.full((10_000, 2), 500.0), PHYSICAL, batch_size=20, readers=2)
    first(reader)
    reader.close()  # type: ignore[attr-defined]
    assert Counting.reads <= 20 * 5  # one batch consumed, and few ahead of a slow consumer
    assert not reading_threads()


def test_without_readers_a_batch_is_read_when_it_is_asked_for():
    slide = Counting.from_array(IMAGE, mpp=0.5)
    Counting.reads = 0
    reader = iter_patches(slide, np.full((60, 2), 500.0), PHYSICAL, batch_size=20, readers=0)
    for batches in (1, 2, 3):
        first(reader)
        assert Counting.reads == 20 * batches
    reader.close()  # type: ignore[attr-defined]
    assert not reading_threads()


def test_a_failure_while_reading_reaches_the_consumer_and_leaves_no_thread(tmp_path: Path):
    path = tmp_path / "slide.tif"
    tifffile.imwrite(path, IMAGE, photometric="rgb", tile=(128, 128), compression="zlib")
    with tifffile.TiffFile(path) as tiff:
        start = tiff.pages[0].dataoffsets[-1]
    content = bytearray(path.read_bytes())
    content[start : start + 2000] = bytes(2000)
    path.write_bytes(content)
    centres = np.array([[200.0, 200.0]] * 3 + [[1850.0, 1690.0]] * 3)
    with open_slide(path, mpp=0.5) as slide:
        reader = iter_patches(slide, centres, PHYSICAL, batch_size=3)
        assert first(reader)[1].shape == (3, 224, 224, 3)
        with pytest.raises(SlideUnreadable, match="Could not read region"):
            first(reader)
    assert not reading_threads()


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=10, deadline=None)
def test_the_eight_views_are_the_dihedral_group(seed: int):
    patch = np.random.default_rng(seed).integers(0, 256, (1, 5, 5, 3), dtype=np.uint8)
    views = [dihedral(patch, view)[0] for view in range(VIEWS)]
    x = patch[0]
    turned = [np.round(rotate(x / 255, angle) * 255).astype(np.uint8) for angle in (90, 180, 270)]
    transpose = np.swapaxes(x, 0, 1)
    transverse = transpose[::-1, ::-1]
    expected = [x, np.fliplr(x), np.flipud(x), *turned, transpose, transverse]
    for view, wanted in zip(views, expected, strict=True):
        np.testing.assert_array_equal(view, wanted)
    assert len({view.tobytes() for view in map(np.ascontiguousarray, views)}) == VIEWS


def test_a_patch_that_is_wider_than_the_slide_is_refused(slide: Slide):
    told = r"A patch of 112 µm is 224,000 px wide at 0\.0005 µm/px, .* \(1,900 x 1,700 px\)"
    with pytest.raises(OptionError, match=told) as caught:
        check_width(slide.with_mpp(0.0005), PHYSICAL, 110)
    assert caught.value.hint is not None
    assert caught.value.hint.remedy is Remedy.SCALE
    check_width(slide, PHYSICAL, 110)
    with pytest.raises(OptionError, match=r"A patch is 224 px wide, .* \(200 x 180 px\)"):
        check_width(Slide.from_array(IMAGE[:180, :200]), PAPER, 110)
