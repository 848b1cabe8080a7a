"""Sweep: slides, as levels, colours, scales, missing parts and names vary."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from napari_stem.slides.slide import open_slide

from ..slides.tiff_writers import as_ycbcr, halved, lose_tiles, stained, write_aperio
from .rows import Row, check_refusal, check_told, rows

IMAGE = stained()
DPI = (50_800, 50_800)  # 0.5 µm a pixel
RGB = {"photometric": "rgb", "metadata": None}
Made = Callable[[Path], Path]


def pillow(name: str, *, image: NDArray[Any] = IMAGE, mode: str = "RGB", **options: Any) -> Made:
    def make(folder: Path) -> Path:
        Image.fromarray(image).convert(mode).save(folder / name, **options)
        return folder / name

    return make


def tiff(image: NDArray[Any] = IMAGE, name: str = "x.tif", **options: Any) -> Made:
    def make(folder: Path) -> Path:
        tifffile.imwrite(folder / name, image, **{**RGB, **options})
        return folder / name

    return make


def pyramid(*levels: NDArray[Any], lost: dict[int, list[int]] | None = None) -> Made:
    """Aperio's, of which tiles of pages are lost."""

    def make(folder: Path) -> Path:
        write_aperio(folder / "x.svs", *levels, compression="deflate")
        for page, tiles in (lost or {}).items():
            lose_tiles(folder / "x.svs", tiles, page=page)
        return folder / "x.svs"

    return make


def subifds(folder: Path) -> Path:
    with tifffile.TiffWriter(folder / "x.ome.tif", ome=True) as file:
        about = {"axes": "YXS", "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5}
        file.write(IMAGE, subifds=1, metadata=about, photometric="rgb", tile=(64, 64))
        file.write(halved(IMAGE), subfiletype=1, photometric="rgb", tile=(64, 64))
    return folder / "x.ome.tif"


def aperio(stated: str) -> Made:
    about = f"Aperio Image Library v11.2.1\r\n448x320 JPEG/RGB Q=70|AppMag = 20|{stated}"
    return tiff(name="x.svs", description=about, tile=(64, 64))


def ome(unit: str, x: float, y: float | None = None) -> Made:
    about = {"axes": "YXS", "PhysicalSizeX": x, "PhysicalSizeY": y or x,
             "PhysicalSizeXUnit": unit, "PhysicalSizeYUnit": unit}  # fmt: skip
    return tiff(name="x.ome.tif", ome=True, metadata=about)


def truncated(make: Made, share: float = 0.5) -> Made:
    def cut(folder: Path) -> Path:
        path = make(folder)
        path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
        return path

    return cut


def renamed(make: Made, name: str) -> Made:
    return lambda folder: make(folder).rename(folder / name)


PLANES = np.moveaxis(IMAGE, 2, 0)
WIDE = IMAGE.astype(np.uint16) * 257
OPAQUE = np.dstack([IMAGE, np.full(IMAGE.shape[:2], 255, np.uint8)])
GREY = IMAGE[..., 0]
COLOURS = [
    # Pictures that are decoded whole.
    Row("PNG", pillow("x.png"), IMAGE),
    Row("PNG with opacity", pillow("x.png", image=OPAQUE, mode="RGBA"), IMAGE),
    Row("PNG with a palette", pillow("x.png", image=IMAGE // 128 * 255, mode="P"),
        IMAGE // 128 * 255),
    Row("JPEG", pillow("x.jpg", quality=100, subsampling=0), IMAGE),
    Row("JPEG of CMYK", pillow("x.jpg", mode="CMYK", quality=95), refused="CMYK"),
    Row("TIFF of CMYK", pillow("x.tif", mode="CMYK"), refused="CMYK|SEPARATED"),
    Row("grey PNG", pillow("x.png", mode="L"), refused="not RGB"),
    Row("PNG named as a slide", renamed(pillow("x.png"), "x.svs"), IMAGE),
    Row("TIFF named as a JPEG", renamed(tiff(), "x.jpg"), IMAGE),
    Row("half a PNG", truncated(pillow("x.png")), refused=r"x\.png"),
    Row("half a JPEG", truncated(pillow("x.jpg")), refused=r"x\.jpg"),
    Row("half a TIFF", truncated(tiff(tile=(64, 64))), refused=r"x\.tif"),
    Row("nothing", truncated(pillow("x.png"), 0), refused=r"x\.png"),
    # TIFFs.
    Row("planes", tiff(PLANES, planarconfig="separate"), IMAGE),
    Row("tiles of planes", tiff(PLANES, planarconfig="separate", tile=(64, 64)), IMAGE),
    Row("big-endian", tiff(byteorder=">", tile=(64, 64)), IMAGE),
    Row("BigTIFF of one strip", tiff(bigtiff=True, rowsperstrip=320), IMAGE),
    Row("predictor", tiff(compression="deflate", predictor=True), IMAGE),
    Row("16 bits", tiff(WIDE, tile=(64, 64)), IMAGE),
    Row("12 bits in 16, big-endian", tiff(WIDE >> 4, tile=(64, 64), byteorder=">"), IMAGE),
    Row("floating point", tiff(IMAGE / np.float32(255)), refused="RGB"),
    Row("YCbCr in LZW", tiff(as_ycbcr(IMAGE), photometric="ycbcr", compression="lzw",
        subsampling=(1, 1)), IMAGE),
    Row("opacity", tiff(OPAQUE, extrasamples=["unassalpha"]), IMAGE),
    Row("white is zero", tiff(GREY, photometric="miniswhite"), refused="RGB|grey"),
    Row("levels below the first", subifds, IMAGE),
    # Missing parts.
    Row("a coarse tile is lost", pyramid(IMAGE, halved(IMAGE), lost={2: [3]}), IMAGE),
    Row("tissue is lost from level 0", pyramid(IMAGE, halved(IMAGE), lost={0: [6]}), None,
        told="tissue|lacks"),
    Row("all of level 0 is lost", pyramid(IMAGE, halved(IMAGE), lost={0: list(range(12))}),
        refused="level 0|none"),
    # Names.
    *(Row(f"named {name}", renamed(pillow("x.png"), name), IMAGE)
      for name in ("[b]x[b].png", "a b;c&d.PNG", "切片 🧠.png", f"{'n' * 240}.png", "x.y.z.png",
                   "%d{x}.png", "-v.png", "#1?.png")),
]  # fmt: skip
TOLERANCE = {"JPEG": 4}


@rows(COLOURS)
def test_pixels_are_those_that_were_made_or_are_refused(row: Row, tmp_path: Path):
    def act() -> NDArray[np.uint8]:
        with open_slide(row.make(tmp_path)) as slide:
            check_told(row, slide.notes)
            return slide.read_region(0, 0, slide.width, slide.height)

    if row.refused:
        check_refusal(row, act)
        return
    found = act()
    if row.right is not None:
        wrong = np.abs(found.astype(int) - row.right).max()
        assert wrong <= TOLERANCE.get(row.name, 1)


SCALES = [
    Row("a resolution in inches", tiff(resolution=(50_800, 50_800), resolutionunit=2), 0.5),
    Row("a resolution in centimetres", tiff(resolution=(20_000, 20_000), resolutionunit=3), 0.5),
    Row("a resolution without unit", tiff(resolution=(20_000, 20_000), resolutionunit=1)),
    Row("a screen's resolution", tiff(resolution=(96, 96), resolutionunit=2)),
    Row("a PNG's resolution", pillow("x.png", dpi=DPI)),
    Row("a JPEG's resolution", pillow("x.jpg", dpi=DPI)),
    Row("Aperio's comma", aperio("MPP = 0,5000"), 0.5),
    Row("Aperio's unit", aperio("MPP = 0.5000 um")),
    Row("Aperio's zero", aperio("MPP = 0")),
    Row("Aperio's negative", aperio("MPP = -0.5")),
    Row("nanometres", ome("nm", 500), 0.5),
    Row("millimetres", ome("mm", 0.0005), 0.5),
    Row("pixels as unit", ome("pixel", 1)),
    Row("pixels that are not square", ome("µm", 0.5, 0.25)),
    Row("a scale in metres that forgot its unit", ome("µm", 5e-7)),
]


@rows(SCALES)
def test_scales_are_those_that_were_stated_or_unknown(row: Row, tmp_path: Path):
    with open_slide(row.make(tmp_path)) as slide:
        assert slide.mpp == (None if row.right is None else pytest.approx(row.right, rel=1e-3))


PYRAMIDS = [
    Row("halves", [IMAGE, halved(IMAGE)], (1, 2)),
    Row("halves and quarters", [IMAGE, halved(IMAGE), halved(halved(IMAGE))], (1, 2, 4)),
    Row("no half", [IMAGE, halved(halved(IMAGE))], (1, 4)),
    Row("thirds", [IMAGE, IMAGE[1::3, 1::3]], (1, 3)),
]


@rows(PYRAMIDS)
def test_factors_of_levels_are_those_that_were_made(row: Row, tmp_path: Path):
    with open_slide(pyramid(*row.make)(tmp_path)) as slide:
        found = slide.downsamples[: len(row.right)]
    np.testing.assert_allclose(found, row.right, rtol=0.01)
