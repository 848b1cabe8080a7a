"""Slides of every layout read the pixels that were stored, and say what is wrong with others."""

from __future__ import annotations

import shutil
import tracemalloc
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_stem.errors import (
    MissingScale,
    OptionError,
    SlideError,
    SlideNotFound,
    SlideUnreadable,
)
from napari_stem.events import Event, Progress, finish
from napari_stem.slides.pyramid import Reduced, with_overviews
from napari_stem.slides.slide import Slide, open_slide
from napari_stem.storage import CACHE_VARIABLE

from .slide_writers import write_pyramid, write_svs

CMU = (2967, 2220)  # rows, columns of the CMU-1 region that three of the files hold


def texture(height: int = 300, width: int = 420) -> np.ndarray:
    """Smooth colours, so that lossy formats come near to them."""
    y, x = np.mgrid[:height, :width]
    rgb = [120 + 60 * np.sin(x / 31), 130 + 60 * np.cos(y / 17), 90 + x / 4 + y / 7]
    return np.stack(np.broadcast_arrays(*rgb), axis=-1).clip(0, 255).astype(np.uint8)


IMAGE = texture()


@pytest.fixture(scope="module")
def svs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One level of 10 MB in tiles of 240 pixels, a thumbnail and a label behind it."""
    path = tmp_path_factory.mktemp("svs") / "scan.svs"
    write_svs(path, texture(1600, 2000))
    return path


@pytest.fixture(scope="module")
def pyramids(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Three levels of one picture, as OME and as pages."""
    folder = tmp_path_factory.mktemp("pyramids")
    paths = folder / "pyramid.ome.tif", folder / "pyramid.tif"
    for path in paths:
        write_pyramid(path, texture(1600, 2000))
    return paths


@pytest.mark.parametrize(("file", "name"), [("HE.png", "A1"), ("Case 7.png", "Case 7")])
def test_a_file_that_is_called_as_all_are_has_the_name_of_its_folder(
    tmp_path: Path, file: str, name: str
):
    (tmp_path / "A1").mkdir()
    Image.new("RGB", (30, 20), "white").save(tmp_path / "A1" / file)
    with open_slide(tmp_path / "A1" / file) as slide:
        assert slide.name == name


def test_the_levels_and_the_scale_of_a_file_are_found(svs: Path, pyramids: tuple[Path, Path]):
    ome, pages = pyramids
    three = [(1600, 2000), (800, 1000), (400, 500)]
    for path, shapes, source in (
        (svs, three[:2], "Aperio description"),  # the second is made
        (ome, three, "OME metadata"),
        (pages, three, "resolution tag"),
    ):
        with open_slide(path) as slide:
            assert [tuple(level.shape) for level in slide.levels] == [(*s, 3) for s in shapes]
            assert slide.downsamples == tuple(2**i for i in range(len(shapes)))
            assert (slide.mpp, slide.mpp_source) == (pytest.approx(0.499, abs=5e-4), source)
            stored = tifffile.imread(path)
            np.testing.assert_array_equal(slide.read_region(0, 0, 2000, 1600), stored)


def test_real_slides_have_the_levels_and_scale_of_their_readme(data_dir: Path):
    for name, shapes, mpp, source in (
        # One level in the file; the second is made.
        ("CMU-1-Small-Region.svs", [CMU, (1483, 1110)], 0.499, "Aperio description"),
        ("derived_CMU-1_pyramid.ome.tif", [CMU, (1483, 1110), (741, 555)], 0.499, "OME metadata"),
        (
            "derived_CMU-1_pyramid_generic.tif",
            [CMU, (1483, 1110), (741, 555)],
            0.499,
            "resolution tag",
        ),
        (
            "openslide-python_boxes.tiff",
            [(250, 300), (125, 150), (62, 75), (31, 37)],
            None,
            "resolution tag states 352.8 µm/px, which no scanner has",
        ),
        ("openslide-python_small.svs", [(16, 16)], 0.499, "Aperio description"),
        ("qupath_cells.ome.tif", [(131, 93)], 0.25, "OME metadata"),
    ):
        with open_slide(data_dir / "slides" / name) as slide:
            assert [tuple(level.shape) for level in slide.levels] == [(*s, 3) for s in shapes]
            assert slide.downsamples == tuple(2**i for i in range(len(shapes)))
            assert slide.mpp == (None if mpp is None else pytest.approx(mpp, abs=5e-4)), name
            assert slide.mpp_source == source
            stored = tifffile.imread(data_dir / "slides" / name)
            stored = np.moveaxis(stored, 0, -1) if stored.shape[0] == 3 else stored
            np.testing.assert_array_equal(whole(slide), stored)


def whole(slide: Slide) -> np.ndarray:
    return slide.read_region(0, 0, slide.width, slide.height)


def test_other_real_files_are_refused_in_one_line(data_dir: Path):
    for name, reason in (
        ("napari-tiff_test_ome.tiff", "is not RGB: axes ZCYX"),
        ("napari-tiff_test_imagej.tiff", "is not RGB: axes ZCYX"),
        ("openslide-python_unopenable.tiff", "52479 is not a known COMPRESSION"),
        ("openslide-python_unreadable.svs", "Bogus marker length"),
        ("README.md", "cannot identify image"),
    ):
        with pytest.raises(SlideUnreadable, match=reason) as caught:
            open_slide(data_dir / "slides" / name)
        assert name in str(caught.value)
        assert "\n" not in str(caught.value)


def test_every_level_of_a_pyramid_is_read_as_stored(pyramids: tuple[Path, Path]):
    for path in pyramids:
        with open_slide(path) as slide, tifffile.TiffFile(path) as tiff:
            for number, level in enumerate(slide.levels):
                stored = tiff.series[0].asarray(level=number)
                region = slide.read_region(200, 300, 150, 100, level=number)
                np.testing.assert_array_equal(region, stored[300:400, 200:350])
                np.testing.assert_array_equal(np.asarray(level[5:9, 7]), stored[5:9, 7])


def test_threads_may_read_at_once(svs: Path):
    with open_slide(svs) as slide:
        full = tifffile.imread(svs)
        corners = np.random.default_rng(0).integers(0, 1500, (64, 2))

        def right(corner: np.ndarray) -> bool:
            x, y = corner
            region = slide.read_region(x, y, 100, 80)
            return bool((region == full[y : y + 80, x : x + 100]).all())

        with ThreadPoolExecutor(8) as pool:
            assert all(pool.map(right, corners))


LAYOUTS = {
    "tiled": {"tile": (128, 128)},
    "strips": {"rowsperstrip": 16, "compression": "lzw"},
    "one strip": {},
    "bigtiff": {"tile": (64, 64), "bigtiff": True},
    "jpeg": {"tile": (128, 128), "compression": "jpeg"},
    "jpeg 2000": {"tile": (128, 128), "compression": "jpeg2000"},
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_tiff_layouts_read_what_was_written(tmp_path: Path, layout: str):
    path = tmp_path / "slide.tif"
    tifffile.imwrite(path, IMAGE, photometric="rgb", **LAYOUTS[layout])  # type: ignore[arg-type]
    with open_slide(path) as slide:
        read = slide.read_region(0, 0, slide.width, slide.height)
    # JPEG loses some colour where a tile is cut by the border.
    assert abs(read.astype(int) - IMAGE).mean() <= (1.5 if layout == "jpeg" else 0)


def test_channels_first_alpha_and_ycbcr_become_rgb(tmp_path: Path):
    planes = np.moveaxis(IMAGE, -1, 0)
    tifffile.imwrite(
        tmp_path / "planar.tif", planes, photometric="rgb", planarconfig="separate", tile=(64, 64)
    )
    clear = np.dstack([IMAGE, np.full(IMAGE.shape[:2], 255, np.uint8)])
    clear[:100, :, 3] = 0
    tifffile.imwrite(
        tmp_path / "alpha.tif",
        clear,
        photometric="rgb",
        extrasamples=["unassalpha"],
        tile=(64, 64),
    )
    Image.fromarray(clear).save(tmp_path / "alpha.png")
    Image.fromarray(IMAGE).convert("YCbCr").save(tmp_path / "ycbcr.tif")
    over_white = np.where(clear[..., 3:] == 0, 255, IMAGE)
    for name, expected, tolerance in (
        ("planar.tif", IMAGE, 0),
        ("alpha.tif", over_white, 0),
        ("alpha.png", over_white, 0),
        ("ycbcr.tif", IMAGE, 3),  # 8 bits of YCbCr hold colours to about that
    ):
        with open_slide(tmp_path / name) as slide:
            read = slide.read_region(50, 60, 120, 90).astype(int)
            assert abs(read - expected[60:150, 50:170]).max() <= tolerance, name
            pixel = np.asarray(slide.levels[0][70, 80, 1])
            assert abs(pixel - expected[70, 80, 1].astype(int)) <= tolerance


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif"])
def test_an_image_that_asks_to_be_turned_is_shown_as_stored_and_says_so(
    tmp_path: Path, suffix: str
):
    path = tmp_path / f"photo{suffix}"
    for orientation, count in ((6, 1), (1, 0)):
        exif = Image.Exif()
        exif[274] = orientation
        Image.fromarray(IMAGE).save(path, exif=exif)
        with open_slide(path) as slide:
            assert (slide.width, slide.height) == (420, 300)
            assert len(slide.notes) == count


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_jpeg_and_png_carry_no_scale_whatever_their_dpi(tmp_path: Path, suffix: str):
    path = tmp_path / f"photo{suffix}"
    Image.fromarray(IMAGE).save(path, dpi=(72, 72), **({"quality": 95} if suffix == ".jpg" else {}))
    with open_slide(path) as slide:
        assert (slide.name, slide.mpp, slide.mpp_source) == ("photo", None, "none")
        assert (slide.width, slide.height) == (420, 300)


@pytest.mark.parametrize(
    ("resolution", "unit", "mpp"),
    [
        ((40_000, 40_000), "CENTIMETER", 0.25),
        ((50_800, 50_800), "INCH", 0.5),
        ((72, 72), "INCH", None),  # 352.8: a screen, not a scanner
        ((1, 1), "NONE", None),
        ((1e9, 1e9), "CENTIMETER", None),  # atoms
    ],
)
def test_resolution_tags_count_where_they_are_plausible(
    tmp_path: Path, resolution: tuple[float, float], unit: str, mpp: float | None
):
    path = tmp_path / "slide.tif"
    tifffile.imwrite(
        path, IMAGE, photometric="rgb", tile=(64, 64), resolution=resolution, resolutionunit=unit
    )
    with open_slide(path) as slide:
        assert slide.mpp == (None if mpp is None else pytest.approx(mpp, rel=1e-6))


@pytest.mark.parametrize(
    ("size", "unit", "mpp"), [(0.5, "µm", 0.5), (250, "nm", 0.25), (0.001, "mm", 1.0), (1, "", 1.0)]
)
def test_ome_sizes_are_read_in_their_unit(tmp_path: Path, size: float, unit: str, mpp: float):
    path = tmp_path / "slide.ome.tif"
    metadata: dict[str, object] = {"axes": "YXS", "PhysicalSizeX": size}
    if unit:
        metadata["PhysicalSizeXUnit"] = unit
    tifffile.imwrite(path, IMAGE, photometric="rgb", tile=(64, 64), metadata=metadata)
    with open_slide(path) as slide:
        assert (slide.name, slide.mpp) == ("slide", pytest.approx(mpp))


@pytest.mark.parametrize("damage", ["<OME", "<OME/>", '<OME><Pixels PhysicalSizeX="wide"/></OME>'])
def test_damaged_metadata_cost_the_scale_and_not_the_slide(tmp_path: Path, damage: str):
    path = tmp_path / "slide.tif"
    description = f"{damage} |MPP = x"
    tifffile.imwrite(path, IMAGE, photometric="rgb", tile=(64, 64), description=description)
    with open_slide(path) as slide:
        assert slide.mpp is None


def test_an_argument_wins_over_tags_and_shares_the_file(svs: Path):
    with open_slide(svs, mpp=0.25) as slide:
        assert (slide.mpp, slide.mpp_source) == (0.25, "argument")
        other = slide.with_mpp(0.3, source="spot pitch")
        assert (other.mpp, other.mpp_source, slide.mpp) == (0.3, "spot pitch", 0.25)
        assert other.levels is slide.levels
        assert other.fingerprint == slide.fingerprint


def test_a_scale_that_nobody_stated_is_asked_for():
    slide = Slide.from_array(IMAGE)
    with pytest.raises(MissingScale, match=r"states no micrometres per pixel.*0\.25"):
        slide.require_mpp()
    assert slide.with_mpp(0.5).require_mpp() == 0.5
    for nonsense in (0, -1, np.nan, np.inf):
        with pytest.raises(OptionError, match="must be a positive number"):
            slide.with_mpp(nonsense)


def test_what_lies_outside_is_white():
    slide = Slide.from_array(IMAGE)
    padded = np.pad(IMAGE, ((40, 40), (30, 30), (0, 0)), constant_values=255)
    np.testing.assert_array_equal(slide.read_region(-30, -40, 480, 380), padded)
    assert (slide.read_region(1000, 10, 5, 6) == 255).all()
    assert slide.read_region(10, 10, 0, 4).shape == (4, 0, 3)


def test_further_levels_are_means_of_squares_of_the_one_before():
    image = np.random.default_rng(0).integers(0, 256, (3001, 2011, 3), dtype=np.uint8)
    slide = Slide.from_array(image)
    assert [level.shape[:2] for level in slide.levels] == [(3001, 2011), (1500, 1005)]
    squares = image[:3000, :2010].reshape(1500, 2, 1005, 2, 3).mean(axis=(1, 3))
    made = slide.read_region(0, 0, 1005, 1500, level=1)
    # Half a step of rounding.
    assert abs(made - squares).max() <= 0.5
    assert slide.downsamples == (1, 2)


def test_made_levels_halve_down_to_what_is_drawn_at_once():
    class Huge:
        shape = (100_000, 120_000, 3)
        dtype = np.dtype(np.uint8)

        def __getitem__(self, key: object) -> np.ndarray:
            raise AssertionError("nothing is read until it is asked for")

    levels = with_overviews((Huge(),))
    assert [level.shape[1] for level in levels] == [120_000 >> i for i in range(8)]


def test_a_made_level_reads_what_it_needs_once():
    read = []

    class Counted:
        shape = (9000, 9000, 3)
        dtype = np.dtype(np.uint8)

        def __getitem__(self, key: tuple[slice, slice]) -> np.ndarray:
            read.append(tuple((part.start, part.stop) for part in key))
            return np.zeros((*(part.stop - part.start for part in key), 3), np.uint8)

    half, quarter, _ = with_overviews((Counted(),))[1:]
    np.asarray(quarter[600:700, 600:700])
    assert read == [((y, y + 1024), (x, x + 1024)) for y in (2048, 3072) for x in (2048, 3072)]
    np.asarray(half[1100:1300, 1200:1400])
    np.asarray(quarter[520:1000, 520:1000])
    assert len(read) == 4


def test_a_made_level_that_is_too_large_to_keep_reads_just_what_is_asked_for():
    read = []

    class Counted:
        shape = (40_000, 40_000, 3)
        dtype = np.dtype(np.uint8)

        def __getitem__(self, key: tuple[slice, slice]) -> np.ndarray:
            rows, columns = (np.arange(part.start, part.stop) for part in key)
            read.append((len(rows), len(columns)))
            plane = (rows[:, None] // 40 + columns // 50) % 256
            return np.repeat(plane[..., None], 3, axis=2).astype(np.uint8)

    half = with_overviews((Counted(),))[1]
    found = half[500:600, 100:300]
    assert sum(rows * columns for rows, columns in read) == 200 * 400
    squares = Counted()[1000:1200, 200:600].reshape(100, 2, 200, 2, 3).mean(axis=(1, 3))
    assert abs(found - squares).max() <= 0.5


def test_blocks_of_made_levels_are_found_again_in_their_folder(tmp_path: Path):
    image = np.random.default_rng(2).integers(0, 256, (2500, 3100, 3), dtype=np.uint8)
    made = np.asarray(Reduced(image, tmp_path))

    class Gone:
        shape = image.shape
        dtype = image.dtype

        def __getitem__(self, key: object) -> np.ndarray:
            raise AssertionError("what was made is not made again")

    np.testing.assert_array_equal(np.asarray(Reduced(Gone(), tmp_path)), made)
    damaged = next(tmp_path.glob("*.png"))
    damaged.write_bytes(damaged.read_bytes()[:100])
    np.testing.assert_array_equal(np.asarray(Reduced(image, tmp_path)), made)


def test_the_overview_of_a_large_flat_slide_is_made_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("napari_stem.slides.slide._WORTH_KEEPING", 1_000_000)
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    path = tmp_path / "flat.tif"
    image = texture(2500, 3100)
    tifffile.imwrite(path, image, photometric="rgb", tile=(256, 256))
    events: list[Event] = []
    with open_slide(path) as slide:
        finish(slide.iter_overview(), events.append)
        first = np.asarray(slide.levels[-1])
    assert events[-1] == Progress(12, 12, "overview", "flat")
    kept = {p: p.stat().st_mtime_ns for p in (tmp_path / "cache").rglob("*.png")}
    assert len(kept) == 12
    with open_slide(path) as slide:
        finish(slide.iter_overview())
        np.testing.assert_array_equal(np.asarray(slide.levels[-1]), first)
    assert {p: p.stat().st_mtime_ns for p in kept} == kept


def test_an_overview_stops_when_nobody_wants_it():
    slide = Slide.from_array(np.zeros((9000, 9000, 3), np.uint8))
    events = slide.iter_overview()
    assert isinstance(next(events), Progress)
    events.close()
    small = Slide.from_array(IMAGE)
    assert list(small.iter_overview()) == []


@pytest.mark.parametrize(
    "key",
    [
        np.s_[5:9, 7],
        np.s_[3],
        np.s_[-1, -2, 1],
        np.s_[...],
        np.s_[..., 2],
        np.s_[10:2:-3, ::100, :2],
        np.s_[5:5, :, 0],
        np.s_[1190:5000, 1000:],
    ],
)
def test_made_levels_are_sliced_as_arrays_are(key: object):
    image = np.random.default_rng(3).integers(0, 256, (2400, 2800, 3), dtype=np.uint8)
    made = Reduced(image)
    np.testing.assert_array_equal(made[key], np.asarray(made)[key])  # type: ignore[index]


def test_sizes_that_scanners_round_still_have_whole_downsamples(tmp_path: Path):
    path = tmp_path / "slide.tif"
    with tifffile.TiffWriter(path) as tiff:
        for height, width in ((1000, 1203), (250, 301), (63, 76)):
            level = np.zeros((height, width, 3), np.uint8)
            tiff.write(level, photometric="rgb", tile=(64, 64), subfiletype=int(height < 1000))
    with open_slide(path) as slide:
        # 1203 / 301 and 1203 / 76 are 3.997 and 15.8: four and sixteen, rounded up.
        assert slide.downsamples == (1, 4, 16)


def test_a_thumbnail_covers_the_whole_slide():
    slide = Slide.from_array(texture(2400, 3600))
    image, downsample = slide.thumbnail(600)
    assert (image.shape, downsample) == ((400, 600, 3), 6)
    blocks = texture(2400, 3600).reshape(400, 6, 600, 6, 3).mean(axis=(1, 3))
    # Two roundings, of the made level and of the thumbnail.
    assert abs(image - blocks).max() <= 2
    small, scale = Slide.from_array(IMAGE).thumbnail(600)
    np.testing.assert_array_equal(small, IMAGE)
    assert scale == 1


def test_a_fingerprint_follows_the_content_and_not_the_name(tmp_path: Path):
    original = tmp_path / "original.svs"
    write_svs(original, IMAGE)
    renamed, changed = tmp_path / "other.svs", tmp_path / "changed.svs"
    shutil.copyfile(original, renamed)
    content = bytearray(original.read_bytes())
    content[-1] ^= 1
    changed.write_bytes(content)
    prints = []
    for path in (original, renamed, changed):
        with open_slide(path) as slide:
            prints.append(slide.fingerprint)
    assert prints[0] == prints[1] != prints[2]
    assert Slide.from_array(IMAGE).fingerprint == Slide.from_array(IMAGE, name="x").fingerprint
    assert Slide.from_array(IMAGE).fingerprint != Slide.from_array(IMAGE[::-1]).fingerprint


def test_a_missing_slide_is_not_found(tmp_path: Path):
    for path in (tmp_path / "none.svs", tmp_path):
        with pytest.raises(SlideNotFound, match="There is no slide at"):
            open_slide(path)


def cmyk(path: Path) -> None:
    pixels = np.dstack([IMAGE, IMAGE[..., :1]])
    tifffile.imwrite(path, pixels, photometric="separated", tile=(64, 64))


@pytest.mark.parametrize(
    ("write", "reason"),
    [
        (lambda path: path.write_text("a text"), "cannot identify image"),
        pytest.param(lambda path: path.write_bytes(b""), "cannot identify image", id="empty"),
        (lambda path: path.write_bytes(b"II*\0"), "could not be read as a slide"),
        (lambda path: tifffile.imwrite(path, IMAGE[..., 0]), "MINISBLACK"),
        (lambda path: tifffile.imwrite(path, IMAGE.astype(np.uint32), photometric="rgb"), "uint32"),
        (cmyk, "SEPARATED"),
        (lambda path: Image.fromarray(IMAGE[..., 0]).save(path, "PNG"), "mode is L"),
    ],
)
def test_files_that_are_no_colour_image_are_refused(tmp_path: Path, write, reason: str):
    path = tmp_path / "slide.tif"
    write(path)
    with pytest.raises(SlideUnreadable, match=rf"{reason}.*slide\.tif'"):
        open_slide(path)


def test_an_image_too_large_to_decode_whole_is_refused_before_it_is_read(tmp_path: Path):
    path = tmp_path / "huge.png"
    Image.fromarray(IMAGE).save(path)
    content = bytearray(path.read_bytes())
    content[16:24] = (60_000).to_bytes(4) * 2  # width and height in the header
    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4)
    path.write_bytes(content)
    with pytest.raises(SlideError, match=r"60000 x 60000 px.*tiled, pyramidal TIFF"):
        open_slide(path)


def test_a_truncated_slide_is_refused_when_it_is_opened(
    svs: Path, pyramids: tuple[Path, Path], real_slides: list[Path], tmp_path: Path
):
    for complete in (svs, pyramids[1], *(path for path in real_slides if "CMU-1-S" in path.name)):
        content = complete.read_bytes()
        with tifffile.TiffFile(complete) as tiff:
            page = tiff.series[0].keyframe
            tissue = max(page.dataoffsets) + page.databytecounts[-1]  # labels and overviews follow
        path = tmp_path / complete.name
        for share in np.linspace(0, 0.999, 12):
            path.write_bytes(content[: int(share * tissue)])
            with pytest.raises(SlideUnreadable, match=complete.name):
                open_slide(path)


def test_a_truncated_jpeg_is_refused(tmp_path: Path):
    path = tmp_path / "photo.jpg"
    Image.fromarray(IMAGE).save(path)
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(SlideUnreadable, match=r"truncated.*photo\.jpg'"):
        open_slide(path)


def test_damage_inside_a_slide_is_named_when_it_is_read(svs: Path, tmp_path: Path):
    path = tmp_path / "slide.svs"
    with tifffile.TiffFile(svs) as tiff:
        page = tiff.pages[0]
        start, length = page.dataoffsets[-1], page.databytecounts[-1]
    content = bytearray(svs.read_bytes())
    content[start : start + length] = bytes(length)
    path.write_bytes(content)
    with open_slide(path) as slide:
        slide.read_region(0, 0, 300, 300)
        with pytest.raises(SlideUnreadable, match=r"level 0: .*slide\.svs'"):
            slide.read_region(slide.width - 50, slide.height - 50, 50, 50)


@pytest.mark.parametrize(
    "image", [IMAGE[..., 0], IMAGE.astype(float), np.dstack([IMAGE, IMAGE[..., :1]])]
)
def test_arrays_that_are_not_rgb_are_refused(image: np.ndarray):
    with pytest.raises(SlideUnreadable, match="is not RGB"):
        Slide.from_array(image)


def test_opening_a_tiled_slide_reads_little_of_it(svs: Path):
    # Out of core: one tile is 240 x 240; the whole image would be 10 MB.
    open_slide(svs).close()  # imports are not what is measured
    tracemalloc.start()
    with open_slide(svs) as slide:
        slide.read_region(500, 500, 224, 224)
        _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5e6
