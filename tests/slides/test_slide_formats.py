"""Scanners' formats: read as their own library wrote them, or as OpenSlide reads them."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import openslide
import pytest
import tifffile
from ome_zarr.format import Format, FormatV04, FormatV05
from PIL import Image
from pylibCZIrw import czi

from napari_stem.errors import MissingScale, SlideNotFound, SlideUnreadable
from napari_stem.slides.slide import Slide, open_slide
from napari_stem.slides.zarr.reader import is_ome_zarr

from .dicom_writers import write_dicom, write_dicom_tiff
from .slide_writers import (
    CZI_JPEG_XR,
    CZI_PLAIN,
    CZI_ZSTD,
    CZI_ZSTD_PACKED,
    CziTile,
    czi_said_to_be,
    texture,
    write_bif,
    write_czi,
    write_mrxs,
    write_ndpi,
    write_ome_zarr,
    write_scn,
)

IMAGE = texture(320, 448)


def whole(slide: Slide) -> np.ndarray:
    return slide.read_region(0, 0, slide.width, slide.height)


def by_openslide(path: Path, level: int = 0) -> np.ndarray:
    with openslide.OpenSlide(path) as slide:
        return np.asarray(slide.read_region((0, 0), level, slide.level_dimensions[level]))[..., :3]


def by_zeiss(path: Path, down: int = 1) -> np.ndarray:
    with czi.open_czi(str(path)) as file:
        area, white = file.total_bounding_rectangle_no_pyramid, (1, 1, 1)
        found = file.read(area, zoom=1 / down, pixel_type="Bgr24", background_pixel=white)
        return found[..., ::-1].copy()


def test_a_dicom_slide(data_dir: Path):
    path = data_dir / "slides" / "openslide-python_boxes_0.dcm"
    content = path.read_bytes()
    frame = Image.open(io.BytesIO(content[content.index(b"\xff\xd8\xff") :]))
    with open_slide(path) as slide:
        assert (slide.mpp, slide.mpp_source) == (pytest.approx(0.499), "OpenSlide (dicom)")
        np.testing.assert_array_equal(whole(slide), np.asarray(frame)[:16, :16])


def test_an_svs_of_jpeg_2000_in_ycbcr(tmp_path: Path):
    """Aperio's compression 33003, whose pixels are YCbCr without a word of it."""
    path = tmp_path / "slide.svs"
    ycbcr = np.asarray(Image.fromarray(IMAGE).convert("YCbCr"))
    tifffile.imwrite(
        path,
        ycbcr,
        photometric="rgb",
        tile=(64, 64),
        compression=33003,
        compressionargs={"mct": False},
        description="Aperio Image Library v1\r\n448x320 (64x64) J2K/YUV16|AppMag = 40|MPP = 0.2520",
        metadata=None,
    )
    with open_slide(path) as slide:
        assert (slide.mpp, slide.mpp_source) == (0.252, "Aperio description")
        assert abs(whole(slide) - IMAGE.astype(int)).max() <= 3  # 8 bits of YCbCr hold about that
        assert abs(whole(slide) - by_openslide(path).astype(int)).max() <= 2


def test_an_ndpi(tmp_path: Path):
    path = tmp_path / "slide.ndpi"
    images = [texture(1024, 1280), texture(1024, 1280)[::2, ::2].copy()]
    write_ndpi(path, images, mpp=0.4605)
    assert openslide.OpenSlide.detect_format(path) == "hamamatsu"
    with open_slide(path) as slide:
        assert slide.downsamples == (1, 2)
        assert (slide.mpp, slide.mpp_source) == (pytest.approx(0.4605, rel=1e-5), "resolution tag")
        np.testing.assert_array_equal(whole(slide), by_openslide(path))
        assert abs(whole(slide) - images[0].astype(int)).mean() < 2
        region = slide.read_region(100, 50, 300, 200, level=1)
        np.testing.assert_array_equal(region, by_openslide(path, 1)[50:250, 100:400])


def test_the_plane_that_an_ndpis_scanner_focused_is_shown(tmp_path: Path):
    path = tmp_path / "slide.ndpi"
    image, offsets = texture(512, 640), (-1000, 0, 1000)
    planes = [np.roll(image, 7 * (offset != 0), axis=1) for offset in offsets]
    halves = [plane[::2, ::2].copy() for plane in planes]
    write_ndpi(path, [*planes, *halves], mpp=0.5, focus=offsets * 2)
    with open_slide(path) as slide:
        assert slide.downsamples == (1, 2)
        assert abs(whole(slide) - image.astype(int)).mean() < 2
        half = slide.read_region(0, 0, 320, 256, level=1).astype(int)
        assert abs(half - image[::2, ::2]).mean() < 2
        assert slide.notes == (
            "Of 3 focal planes the one that the scanner focused is shown, number 2.",
        )


def test_an_scn_shows_all_of_its_regions_where_they_lie(tmp_path: Path):
    path = tmp_path / "slide.scn"
    piece = texture(128, 192)
    places = [(50_000, 40_000), (250_000, 120_000)]
    write_scn(path, piece, places)
    with open_slide(path) as slide:
        assert (slide.width, slide.height, slide.mpp) == (800, 600, 0.5)
        expected = np.full((600, 800, 3), 255, np.uint8)
        for x, y in places:
            expected[y // 500 :, x // 500 :][:128, :192] = piece
        np.testing.assert_array_equal(whole(slide), expected)


def test_a_bif_is_stitched(tmp_path: Path):
    path = tmp_path / "slide.bif"
    scene = texture(122, 120)
    write_bif(path, scene)
    with open_slide(path) as slide:
        assert slide.mpp == 0.2325
        np.testing.assert_array_equal(whole(slide), scene)


def mosaic(image: np.ndarray) -> list[CziTile]:
    """Four tiles that touch, in places that begin left of zero, as on a stage."""
    return [
        CziTile(image[y : y + 160, x : x + 224], x - 100, y + 30)
        for y in (0, 160)
        for x in (0, 224)
    ]


@pytest.mark.parametrize("deep", [False, True], ids=["8 bits", "16 bits"])
@pytest.mark.parametrize("compression", [CZI_PLAIN, CZI_ZSTD, CZI_ZSTD_PACKED])
def test_a_czi_is_read_as_zeiss_wrote_it(tmp_path: Path, compression: str, deep: bool):
    path = tmp_path / "slide.czi"
    image = IMAGE.astype(np.uint16) * 256 + 7 if deep else IMAGE
    write_czi(path, mosaic(image), 0.22, compression)
    with open_slide(path) as slide:
        assert (slide.mpp, slide.mpp_source) == (pytest.approx(0.22), "CZI metadata")
        np.testing.assert_array_equal(whole(slide), IMAGE)
        np.testing.assert_array_equal(slide.read_region(200, 150, 50, 20), IMAGE[150:170, 200:250])


@pytest.mark.parametrize("bits", [12, 14, 16])
def test_samples_of_a_czi_are_scaled_by_the_bits_that_are_used(tmp_path: Path, bits: int):
    path = tmp_path / "slide.czi"
    write_czi(path, mosaic(IMAGE.astype(np.uint16) << (bits - 8)), 0.22)
    with open_slide(path) as slide:
        np.testing.assert_array_equal(whole(slide), IMAGE)
        assert slide.notes[0].startswith(f"Of the 16 bits of a sample, {bits} are used")


def test_a_czi_in_jpeg_xr_is_read_as_zeiss_reads_it(tmp_path: Path):
    path = tmp_path / "slide.czi"
    write_czi(path, mosaic(IMAGE), 0.22, CZI_JPEG_XR)
    with open_slide(path) as slide:
        np.testing.assert_array_equal(whole(slide), IMAGE)  # lossless
        np.testing.assert_array_equal(whole(slide), by_zeiss(path))


def test_tiles_of_a_czi_lie_above_each_other_in_its_order(tmp_path: Path):
    path = tmp_path / "slide.czi"
    below, above = IMAGE[:100, :100], 255 - IMAGE[:100, :100]
    write_czi(path, [CziTile(above, 60, 0), CziTile(below, 0, 0)], 0.5)
    first, second, neither = (struct.pack("<4si", b"M", order) for order in (0, 1, 2))
    content = path.read_bytes().replace(first, neither)
    path.write_bytes(content.replace(second, first).replace(neither, second))
    with open_slide(path) as slide:
        np.testing.assert_array_equal(whole(slide), np.hstack([below[:, :60], above]))
        np.testing.assert_array_equal(whole(slide), by_zeiss(path))


def test_a_czi_has_the_levels_of_all_its_scenes(tmp_path: Path):
    path = tmp_path / "slide.czi"
    tiles = [CziTile(IMAGE[:64, :96], 0, 0), CziTile(IMAGE[:64, :96], 300, 200, scene=1)]
    small = [
        tile._replace(pixels=np.asarray(tile.pixels[::down, ::down]), down=down)
        for tile in tiles
        for down in ((2, 4) if tile.scene else (2,))
    ]
    write_czi(path, [*small, *tiles], 0.5)
    with open_slide(path) as slide:
        assert slide.downsamples == (1, 2)
        for level in range(2):
            expected = np.full((264 >> level, 396 >> level, 3), 255, np.uint8)
            for tile in tiles:
                piece = tile.pixels[:: 1 << level, :: 1 << level]
                place = expected[tile.y >> level :, tile.x >> level :]
                place[: piece.shape[0], : piece.shape[1]] = piece
            height, width = expected.shape[:2]
            found = slide.read_region(0, 0, width, height, level=level)
            np.testing.assert_array_equal(found, expected)
            np.testing.assert_array_equal(found, by_zeiss(path, down=1 << level))


def test_the_first_focus_of_a_czi_is_shown(tmp_path: Path):
    path = tmp_path / "slide.czi"
    write_czi(path, [CziTile(IMAGE + focus, 0, 0, focus=focus) for focus in (2, 1)], 0.5)
    with open_slide(path) as slide:
        np.testing.assert_array_equal(whole(slide), IMAGE + 1)
        assert slide.notes == ("Of 2 focal planes the first is shown.",)


def test_a_czi_that_cannot_be_used_says_why(tmp_path: Path):
    path = tmp_path / "slide.czi"
    write_czi(path, [CziTile(IMAGE[..., :1], 0, 0)], 0.5)
    with pytest.raises(SlideUnreadable, match=r"is not RGB.*open the H&E image"):
        open_slide(path)
    write_czi(path, [CziTile(IMAGE, 0, 0)], 0.5)
    content = path.read_bytes()
    path.write_bytes(czi_said_to_be(1, content))
    with pytest.raises(SlideUnreadable, match="none, zstd and JPEG XR are"):
        open_slide(path)
    path.write_bytes(content[:-200])  # the directory comes last
    with pytest.raises(SlideUnreadable, match=r"could not be read as a slide.*slide\.czi'"):
        open_slide(path)


def test_an_mrxs_is_white_where_nothing_was_scanned(tmp_path: Path):
    path = tmp_path / "slide.mrxs"
    scene = texture(128, 192)
    write_mrxs(path, scene, missing=4)
    expected = scene.copy()
    expected[64:, 64:128] = 255
    with open_slide(path) as slide:
        assert (slide.mpp, slide.mpp_source) == (0.25, "OpenSlide (mirax)")
        np.testing.assert_array_equal(whole(slide), expected)


def test_slides_that_share_a_file_may_each_close_it(tmp_path: Path):
    path = tmp_path / "slide.mrxs"
    write_mrxs(path, texture(128, 192), missing=4)
    with open_slide(path) as slide, slide.with_mpp(0.5):
        pass
    slide.close()


def test_the_preview_beside_an_mrxs_is_not_taken_for_the_slide(tmp_path: Path):
    path = tmp_path / "slide.mrxs"
    Image.fromarray(IMAGE).save(path, "JPEG")
    with pytest.raises(SlideUnreadable, match=r"could not be read as a slide.*slide\.mrxs'"):
        open_slide(path)


def test_without_openslide_its_formats_say_what_to_install(tmp_path: Path):
    path = tmp_path / "slide.mrxs"
    write_mrxs(path, texture(128, 192), missing=4)
    write_dicom(tmp_path / "slide.dcm", IMAGE, 0.0005)
    write_dicom(tmp_path / "dicom_of_no_suffix", IMAGE, 0.0005)
    for name in ("slide.mrxs", "slide.dcm", "dicom_of_no_suffix"):
        told = opened_without_openslide(tmp_path / name)
        assert told.startswith(f"SlideUnreadable The format of '{name}' needs an optional")
        assert 'pip install "napari-stem[openslide]"' in told


def test_a_file_that_is_dicom_and_tiff_needs_no_openslide(tmp_path: Path):
    path = tmp_path / "slide.tif"
    write_dicom_tiff(path, IMAGE, 0.0005)
    assert opened_without_openslide(path) == "0.5 448 320\n"
    with open_slide(path) as slide:
        np.testing.assert_array_equal(whole(slide), IMAGE)


def opened_without_openslide(path: Path) -> str:
    code = (
        "import sys; sys.modules['openslide'] = None\n"
        "from napari_stem.slides.slide import open_slide\n"
        f"try: slide = open_slide({str(path)!r})\n"
        "except Exception as error: print(type(error).__name__, error)\n"
        "else: print(slide.mpp, slide.width, slide.height)\n"
    )
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout


@pytest.mark.parametrize("fmt", [FormatV04(), FormatV05()], ids=["0.4", "0.5"])
def test_an_ome_zarr(tmp_path: Path, fmt: Format):
    path = tmp_path / "slide.ome.zarr"
    write_ome_zarr(path, IMAGE, fmt)
    with open_slide(path) as slide:
        assert (slide.name, slide.mpp_source) == ("slide", "OME-Zarr scale")
        assert slide.mpp == pytest.approx(0.5)
        assert slide.downsamples == (1, 2)
        np.testing.assert_array_equal(whole(slide), IMAGE)
        first = slide.fingerprint
    write_ome_zarr(tmp_path / "other.ome.zarr", IMAGE, fmt)
    write_ome_zarr(tmp_path / "changed.ome.zarr", 255 - IMAGE, fmt)
    for name, same in (("other", True), ("changed", False)):
        with open_slide(tmp_path / f"{name}.ome.zarr") as slide:
            assert (slide.fingerprint == first) is same


@pytest.mark.parametrize("text", ['{"ome": "0.5"}', '{"attributes": [1]}', '{"multiscales": [1]}'])
def test_a_zarr_folder_of_others_is_no_slide(tmp_path: Path, text: str):
    (tmp_path / ".zattrs").write_text(text)
    assert not is_ome_zarr(tmp_path)


def test_an_ome_zarr_of_fluorescence_is_refused(tmp_path: Path):
    path = tmp_path / "slide.ome.zarr"
    colours = [{"color": colour} for colour in ("0000FF", "00FF00", "FF00FF")]
    write_ome_zarr(path, IMAGE, FormatV04(), omero={"channels": colours})
    with pytest.raises(SlideUnreadable, match=r"is not RGB.*0000FF 00FF00 FF00FF"):
        open_slide(path)
    write_ome_zarr(tmp_path / "deep.zarr", IMAGE.astype(np.uint16), FormatV04())
    with pytest.raises(SlideUnreadable, match="uint16"):
        open_slide(tmp_path / "deep.zarr")


def test_a_folder_without_a_picture_is_no_slide(tmp_path: Path):
    (tmp_path / "zarr.json").write_text("{")
    with pytest.raises(SlideNotFound):
        open_slide(tmp_path)


def test_pixels_that_are_not_square_have_no_single_scale(tmp_path: Path):
    path = tmp_path / "slide.ome.tif"
    for y, mpp in ((0.2505, 0.25025), (0.3, None)):
        metadata = {"axes": "YXS", "PhysicalSizeX": 0.25, "PhysicalSizeY": y}
        tifffile.imwrite(path, IMAGE, photometric="rgb", tile=(64, 64), metadata=metadata)
        with open_slide(path) as slide:
            assert slide.mpp == (mpp and pytest.approx(mpp, rel=1e-4))
            if mpp is None:
                with pytest.raises(MissingScale, match=r"pixels of 0\.25 x 0\.3 µm are not square"):
                    slide.require_mpp()


def test_the_scale_of_ome_is_that_of_the_picture_that_is_shown(tmp_path: Path):
    path = tmp_path / "slide.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as tiff:
        for image, size in ((IMAGE[:64, :64], 8.0), (IMAGE, 0.5)):  # a macro comes first
            metadata = {"axes": "YXS", "PhysicalSizeX": size, "PhysicalSizeY": size}
            tiff.write(image, photometric="rgb", tile=(64, 64), metadata=metadata)
    with open_slide(path) as slide:
        assert (slide.width, slide.mpp) == (448, 0.5)


def test_scales_of_philips_and_imagej(tmp_path: Path):
    philips = (
        '<?xml version="1.0"?><DataObject><Attribute Name="DICOM_PIXEL_SPACING" Group="0x0028" '
        'PMSVR="IDoubleArray">&quot;0.00025&quot; &quot;0.00025&quot;</Attribute></DataObject>'
    )
    tifffile.imwrite(
        tmp_path / "philips.tiff", IMAGE, photometric="rgb", tile=(64, 64), description=philips,
        software="Philips DP v1.0", metadata=None,
    )  # fmt: skip
    tifffile.imwrite(
        tmp_path / "imagej.tif", IMAGE, imagej=True, resolution=(2.0, 2.0),
        metadata={"unit": "micron"},
    )  # fmt: skip
    for name, mpp in (("philips.tiff", 0.25), ("imagej.tif", 0.5)):
        with open_slide(tmp_path / name) as slide:
            assert slide.mpp == pytest.approx(mpp), name


def test_labels_and_levels_of_other_pictures_are_left_out(tmp_path: Path):
    path = tmp_path / "slide.tif"
    with tifffile.TiffWriter(path) as tiff:
        options: dict[str, Any] = {"photometric": "rgb", "tile": (64, 64), "metadata": None}
        tiff.write(IMAGE, subifds=2, **options)
        tiff.write(IMAGE[::2, ::2], subfiletype=1, **options)
        tiff.write(IMAGE[:64, :80], subfiletype=1, **options)  # of another shape
    with open_slide(path) as slide:
        assert [level.shape[:2] for level in slide.levels] == [(320, 448), (160, 224)]
