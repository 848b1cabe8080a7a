"""Pixels have the colours that were stored, whatever compression and tags say of them."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_stem.slides.slide import open_slide

from .test_slide_formats import by_openslide
from .tiff_writers import (
    APERIO,
    as_ycbcr,
    lose_tiles,
    retag,
    stained,
    tiles_of,
    write_encoded,
)

IMAGE = stained()
ROUNDING = 3  # 8 bits of YCbCr hold colours to about that
SIDE = 64

# Compressions without loss that imagecodecs writes; 33003 to 34712 are JPEG 2000.
LOSSLESS: dict[str, tuple[int, dict[str, Any]]] = {
    "none": (1, {}),
    "lzw": (5, {}),
    "deflate": (8, {}),
    "deflate of old": (32946, {}),
    "packbits": (32773, {}),
    "pixtiff": (50013, {}),
    "lzma": (34925, {}),
    "zstd": (50000, {}),
    "zstd of old": (34926, {}),
    "lerc": (34887, {}),
    "png": (34933, {}),
    "webp": (50001, {"lossless": True}),
    "webp of old": (34927, {"lossless": True}),
    "jpeg xr": (34934, {"level": 1.0}),
    "jpeg xl": (50002, {"lossless": True}),
    "jpeg xl of dng": (52546, {"lossless": True}),
    **{
        f"{code} {'with' if mct else 'without'} transform": (code, {"mct": mct})
        for code in (33003, 33004, 33005, 34712)
        for mct in (False, True)
    },
}


def pixels(path: Path) -> np.ndarray:
    with open_slide(path) as slide:
        return slide.read_region(0, 0, slide.width, slide.height).astype(int)


def write(path: Path, samples: np.ndarray, compression: int, options: Any, **tags: Any) -> None:
    tifffile.imwrite(
        path, samples, tile=(SIDE, SIDE), metadata=None,
        compression=None if compression == 1 else compression,
        compressionargs=options or None, **tags,
    )  # fmt: skip


def without_a_tile(path: Path) -> np.ndarray:
    """Lose the tile in the middle of the tissue; the picture that remains."""
    number = 3 * (IMAGE.shape[1] // SIDE) + 4
    lose_tiles(path, [number])
    kept = IMAGE.copy()
    kept[3 * SIDE : 4 * SIDE, 4 * SIDE : 5 * SIDE] = 255
    return kept


@pytest.mark.parametrize("compression", LOSSLESS)
def test_rgb_is_rgb_in_every_compression(tmp_path: Path, compression: str):
    path = tmp_path / "slide.tif"
    write(path, IMAGE, *LOSSLESS[compression], photometric="rgb")
    np.testing.assert_array_equal(pixels(path), IMAGE)
    np.testing.assert_array_equal(pixels(path), tifffile.imread(path))
    np.testing.assert_array_equal(without_a_tile(path), pixels(path))


@pytest.mark.parametrize("compression", LOSSLESS)
def test_ycbcr_becomes_rgb_in_every_compression(tmp_path: Path, compression: str):
    path = tmp_path / "slide.tif"
    tags = {"photometric": "ycbcr", "subsampling": (1, 1)}
    write(path, as_ycbcr(IMAGE), *LOSSLESS[compression], **tags)
    assert abs(pixels(path) - IMAGE).max() <= ROUNDING
    assert abs(without_a_tile(path) - pixels(path)).max() <= ROUNDING


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_deflate", "packbits", "zstd"])
def test_ycbcr_is_read_as_pillow_reads_it(tmp_path: Path, compression: str):
    path = tmp_path / "slide.tif"
    Image.fromarray(IMAGE).convert("YCbCr").save(path, compression=compression)
    with Image.open(path) as image:
        by_pillow = np.asarray(image.convert("RGB")).astype(int)
    assert abs(pixels(path) - by_pillow).max() <= ROUNDING
    assert abs(pixels(path) - IMAGE).max() <= ROUNDING


@pytest.mark.parametrize("inside", ["RGB", "YCbCr"])
def test_jpegs_are_read_as_tifffile_and_openslide_read_them(tmp_path: Path, inside: str):
    path = tmp_path / "slide.svs"
    write(
        path, IMAGE, 7, {"level": 95, "outcolorspace": inside}, photometric="rgb",
        subsampling=(1, 1), description=APERIO.format(w=448, h=320),
    )  # fmt: skip
    assert abs(pixels(path) - IMAGE).mean() < 1  # lossy
    np.testing.assert_array_equal(pixels(path), tifffile.imread(path))
    np.testing.assert_array_equal(pixels(path), by_openslide(path))
    assert abs(without_a_tile(path) - pixels(path)).mean() < 1


def test_jpegs_with_a_head_of_their_own_are_ycbcr_whatever_the_first_tile(tmp_path: Path):
    """JFIF is YCbCr by definition; tifffile looks for it in the first tile, which is missing."""

    def jfif(tile: np.ndarray) -> bytes:
        stream = io.BytesIO()
        Image.fromarray(tile).save(stream, "JPEG", quality=95, subsampling=0)
        return stream.getvalue()

    path = tmp_path / "slide.tif"
    write_encoded(path, IMAGE, jfif, compression=7)
    assert abs(pixels(path) - IMAGE).mean() < 1
    lose_tiles(path, [0])
    kept = IMAGE.copy()
    kept[:SIDE, :SIDE] = 255
    assert abs(pixels(path) - kept).mean() < 1


@pytest.mark.parametrize("compression", [1, 5, 50000])
def test_planes_of_ycbcr(tmp_path: Path, compression: int):
    path = tmp_path / "slide.tif"
    planes = np.moveaxis(as_ycbcr(IMAGE), -1, 0)
    tags = {"photometric": "ycbcr", "planarconfig": "separate", "subsampling": (1, 1)}
    write(path, planes, compression, {}, **tags)
    assert abs(pixels(path) - IMAGE).max() <= ROUNDING
    assert abs(without_a_tile(path) - pixels(path)).max() <= ROUNDING


@pytest.mark.parametrize("subsampling", [(2, 2), (2, 1), (1, 2), (4, 2)])
@pytest.mark.parametrize("is_tiled", [True, False], ids=["tiles", "strips"])
def test_chroma_of_fewer_pixels_is_read_as_pillow_reads_it(
    tmp_path: Path, subsampling: tuple[int, int], is_tiled: bool
):
    path = tmp_path / "slide.tif"
    across, down = subsampling
    layout = {"tile": (SIDE, SIDE)} if is_tiled else {"rowsperstrip": SIDE}

    def blocks(tile: np.ndarray) -> bytes:
        ycbcr = as_ycbcr(tile).reshape(SIDE // down, down, tile.shape[1] // across, across, 3)
        y = ycbcr[..., 0].swapaxes(1, 2).reshape(SIDE // down, -1, across * down)
        chroma = ycbcr[..., 1:].mean(axis=(1, 3)).round()
        return imagecodecs.zlib_encode(np.concatenate([y, chroma], axis=2).astype(np.uint8))

    pieces = tiles_of(IMAGE, SIDE) if is_tiled else np.split(IMAGE, IMAGE.shape[0] // SIDE)
    tifffile.imwrite(
        path, map(blocks, pieces), shape=IMAGE.shape, dtype=np.uint8, photometric="ycbcr",
        subsampling=(1, 1), compression="zlib", metadata=None, **layout,
    )  # fmt: skip
    retag(path, YCbCrSubSampling=subsampling)
    with Image.open(path) as image:
        by_pillow = np.asarray(image.convert("RGB")).astype(int)
    assert abs(pixels(path) - by_pillow).max() <= ROUNDING
    assert abs(pixels(path) - IMAGE).mean() < 1  # edges lose colour


@pytest.mark.parametrize("compression", ["lzw", "zstd"])
def test_full_chroma_is_read_where_the_tag_is_left_out(tmp_path: Path, compression: str):
    """Its default is half the resolution, which the bytes contradict."""
    path = tmp_path / "slide.tif"
    write(path, as_ycbcr(IMAGE), 1, {}, photometric="rgb")
    code = tifffile.COMPRESSION[compression.upper()]
    write(path, as_ycbcr(IMAGE), code, {}, photometric="rgb")
    retag(path, PhotometricInterpretation=6)
    assert abs(pixels(path) - IMAGE).max() <= ROUNDING


def jpeg_2000(**options: Any) -> Callable[[np.ndarray], bytes]:
    return lambda tile: imagecodecs.jpeg2k_encode(tile, level=0, codecformat="j2k", **options)


def test_rgb_in_aperios_compression_by_others_stays_rgb(tmp_path: Path):
    """Bio-Formats and QuPath use 33003, in Aperio's files for YCbCr, for RGB."""
    for mct in (True, False):
        path = tmp_path / f"slide-{mct}.ome.tif"
        write_encoded(path, IMAGE, jpeg_2000(mct=mct), compression=33003)
        np.testing.assert_array_equal(pixels(path), IMAGE)


@pytest.mark.parametrize(("code", "inside"), [(33003, "YCbCr"), (33003, "RGB"), (33005, "RGB")])
def test_aperios_jpeg_2000_is_read_as_openslide_reads_it(tmp_path: Path, code: int, inside: str):
    path = tmp_path / "slide.svs"
    samples = as_ycbcr(IMAGE) if inside == "YCbCr" else IMAGE
    about = APERIO.format(w=448, h=320)
    encode = jpeg_2000(mct=inside == "RGB")
    write_encoded(path, samples, encode, compression=code, description=about)
    assert abs(pixels(path) - IMAGE).max() <= ROUNDING
    if (code, inside) != (33003, "RGB"):  # of which OpenSlide makes magenta glass
        assert abs(pixels(path) - by_openslide(path)).max() <= ROUNDING
    kept = without_a_tile(path)
    assert abs(pixels(path) - kept).max() <= ROUNDING


def test_ycbcr_without_the_tag_of_its_subsampling_in_jpeg_2000(tmp_path: Path):
    """libvips writes 33004 so."""
    path = tmp_path / "slide.tif"
    write_encoded(path, as_ycbcr(IMAGE), jpeg_2000(mct=False), compression=33004)
    retag(path, PhotometricInterpretation=6)
    assert abs(pixels(path) - IMAGE).max() <= ROUNDING


@pytest.mark.parametrize("code", [33003, 33004, 34712])
def test_a_jp2_that_names_its_ycbcr_is_converted_once(tmp_path: Path, code: int):
    def jp2(tile: np.ndarray) -> bytes:
        stream = io.BytesIO()
        image = Image.fromarray(tile).convert("YCbCr")
        image.save(stream, "JPEG2000", irreversible=False, mct=0)
        return stream.getvalue()

    path = tmp_path / "slide.svs"
    about = APERIO.format(w=448, h=320)
    write_encoded(path, IMAGE, jp2, compression=code, description=about)
    assert abs(pixels(path) - IMAGE).max() <= ROUNDING


def test_halved_chroma_in_jpeg_2000_is_converted_once(tmp_path: Path):
    """As in Aperio's J2K/YUV16; grey, whose chroma takes no bytes at any size."""
    grey = np.repeat(IMAGE[..., 1:2], 3, axis=2)
    ycbcr = np.dstack([grey[..., 0], np.full((*grey.shape[:2], 2), 128, np.uint8)])

    def halved(tile: np.ndarray) -> bytes:
        stream = bytearray(jpeg_2000(mct=False)(tile))
        siz = stream.index(b"\xff\x51")
        for component in (1, 2):
            stream[siz + 2 + 38 + 3 * component + 1] = 2  # columns for one of chroma
        return bytes(stream)

    path = tmp_path / "slide.svs"
    about = APERIO.format(w=448, h=320)
    write_encoded(path, ycbcr, halved, compression=33003, description=about)
    assert abs(pixels(path) - grey).max() <= ROUNDING


def test_a_contradiction_of_tag_and_stream_is_settled_by_glass_and_told(tmp_path: Path):
    path = tmp_path / "slide.tif"
    for samples, kind in ((IMAGE, "RGB"), (as_ycbcr(IMAGE), "YCbCr")):
        write_encoded(path, samples, jpeg_2000(mct=True), compression=34712)
        retag(path, PhotometricInterpretation=6)
        assert abs(pixels(path) - IMAGE).max() <= ROUNDING
        with open_slide(path) as slide:
            (note,) = slide.notes
        assert note == (
            "The file says YCbCr and its JPEG 2000 stream says RGB. It is read as "
            f"{kind}, in which its brightest pixels are closer to grey."
        )


def test_aperios_bare_yuyv(tmp_path: Path):
    def yuyv(tile: np.ndarray) -> bytes:
        y, chroma = as_ycbcr(tile)[..., :1], as_ycbcr(tile)[..., 1:].astype(float)
        pairs = chroma.reshape(SIDE, SIDE // 2, 2, 2).mean(axis=2)
        left, right = y[:, ::2], y[:, 1::2]
        found = np.concatenate([left, pairs[..., :1], right, pairs[..., 1:]], axis=2)
        return bytes(found.round().astype(np.uint8).tobytes())

    path = tmp_path / "slide.svs"
    about = APERIO.format(w=448, h=320)
    write_encoded(path, IMAGE, yuyv, compression=33007, description=about)
    found = pixels(path)
    assert abs(found - IMAGE).mean() < 0.5  # edges lose colour
    assert abs(found[:60, :60] - IMAGE[:60, :60]).max() <= ROUNDING
    assert abs(without_a_tile(path) - pixels(path)).mean() < 0.5


def test_the_tags_coefficients_and_range_of_ycbcr_count(tmp_path: Path):
    """Those of BT.709 at video range: white is 235."""
    red, green, blue = 0.2126, 0.7152, 0.0722
    y = IMAGE @ np.array([red, green, blue])
    chroma = [(IMAGE[..., 2] - y) / (2 - 2 * blue), (IMAGE[..., 0] - y) / (2 - 2 * red)]
    samples = np.dstack([16 + y * 219 / 255, *(128 + c * 112 / 127 for c in chroma)])
    path = tmp_path / "slide.tif"
    codes = (16, 1, 235, 1, 128, 1, 240, 1, 128, 1, 240, 1)
    write(
        path, samples.round().clip(0, 255).astype(np.uint8), 1, {}, photometric="ycbcr",
        subsampling=(1, 1),
        extratags=[
            (529, 5, 3, (2126, 10_000, 7152, 10_000, 722, 10_000), True), (532, 5, 6, codes, True),
        ],
    )  # fmt: skip
    assert abs(pixels(path) - IMAGE).max() <= ROUNDING


OPACITY = np.linspace(0, 255, IMAGE.shape[1]).astype(np.uint8) * np.ones_like(IMAGE[..., :1, 0])
LAID_OVER_WHITE = 255 - (255 - IMAGE.astype(int)) * OPACITY[..., None] / 255
ALPHAS = {
    "assocalpha": (np.round(IMAGE * (OPACITY[..., None] / 255)), LAID_OVER_WHITE, ()),
    "unassalpha": (IMAGE, LAID_OVER_WHITE, ()),
    "unspecified": (
        IMAGE, IMAGE, ("The file does not say what the samples beyond RGB are. They are ignored.",),
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", ALPHAS)
def test_a_fourth_sample_counts_as_what_the_file_says_it_is(tmp_path: Path, kind: str):
    colours, expected, notes = ALPHAS[kind]
    path = tmp_path / "slide.tif"
    four = np.dstack([colours, OPACITY]).astype(np.uint8)
    write(path, four, 1, {}, photometric="rgb", extrasamples=[kind])
    assert abs(pixels(path) - expected).max() <= 1
    with open_slide(path) as slide:
        assert slide.notes == notes
