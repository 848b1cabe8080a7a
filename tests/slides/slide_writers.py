"""Slides in the layouts of scanners that no library writes, and of others that one does."""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import imagecodecs
import numpy as np
import tifffile
import zarr
from ome_zarr.format import Format
from ome_zarr.writer import write_image
from PIL import Image
from pylibCZIrw import czi


def texture(height: int, width: int) -> np.ndarray:
    """Smooth colours, so that JPEG comes near to them."""
    y, x = np.mgrid[:height, :width]
    rgb = [120 + 60 * np.sin(x / 31), 130 + 60 * np.cos(y / 17), 90 + x / 4 + y / 7]
    return np.stack(np.broadcast_arrays(*rgb), axis=-1).clip(0, 255).astype(np.uint8)


def write_svs(path: Path, image: np.ndarray) -> None:
    """Aperio's TIFF: tiles in JPEG, behind them a thumbnail and a label; 0.499 um a pixel."""
    about = "Aperio Image Library v11\r\n{0}x{1} (240x240) JPEG/RGB Q=90|AppMag = 20|MPP = 0.4990"
    height, width = image.shape[:2]
    with tifffile.TiffWriter(path) as tiff:
        tiff.write(
            image,
            photometric="rgb",
            tile=(240, 240),
            compression="jpeg",
            description=about.format(width, height),
            metadata=None,
        )
        for number, step in enumerate((8, 16)):
            small = np.asarray(Image.fromarray(image).reduce(step))
            tiff.write(small, photometric="rgb", subfiletype=number, metadata=None)


def write_pyramid(path: Path, image: np.ndarray) -> None:
    """Three levels of 0.499 um and more a pixel: as OME if the name says so, else as pages."""
    ome = path.name.endswith(".ome.tif")
    options: dict[str, Any] = {"photometric": "rgb", "tile": (256, 256), "compression": "jpeg"}
    sizes = {"axes": "YXS", "PhysicalSizeX": 0.499, "PhysicalSizeY": 0.499}
    with tifffile.TiffWriter(path, ome=ome) as tiff:
        tiff.write(
            image,
            subifds=2 if ome else 0,
            resolution=(1e4 / 0.499, 1e4 / 0.499),
            resolutionunit="CENTIMETER",
            metadata=sizes if ome else None,
            **options,
        )
        for step in (2, 4):
            small = np.asarray(Image.fromarray(image).reduce(step))
            tiff.write(small, subfiletype=1, metadata=None, **options)


def write_ndpi(
    path: Path, images: Sequence[np.ndarray], mpp: float, focus: Sequence[int] | None = None
) -> None:
    """Hamamatsu's TIFF: 64-bit links, each picture one JPEG that restarts tile by tile.

    Images of one size are focal planes, at the offsets `focus`.
    """
    body = bytearray(b"II*\0" + bytes(8))
    link = 4
    for image, offset in zip(images, focus or [0] * len(images), strict=True):
        number = (images[0].shape[1] // image.shape[1]).bit_length() - 1
        jpeg = io.BytesIO()
        Image.fromarray(image).save(
            jpeg, "JPEG", quality=95, subsampling=0, restart_marker_blocks=image.shape[1] // 16
        )
        stream = jpeg.getvalue()
        scan = stream.index(b"\xff\xda")
        header = scan + 2 + int.from_bytes(stream[scan + 2 : scan + 4])
        restarts = [
            i + 2
            for i in range(header, len(stream) - 1)
            if stream[i] == 0xFF and 0xD0 <= stream[i + 1] <= 0xD7
        ]
        starts = np.array([header, *restarts], np.uint32)
        picture, table = len(body), len(body) + len(stream)
        body += stream + starts.tobytes()
        text, rational = len(body), len(body) + 12
        body += b"Hamamatsu\0\0\0" + struct.pack(
            "<4I", round(1e4 / mpp * 1e3) >> number, 1000, 0, 0
        )
        tags: list[tuple[int, int, int, Any]] = [
            (256, 4, 1, image.shape[1]), (257, 4, 1, image.shape[0]), (258, 3, 1, 8),
            (259, 3, 1, 7), (262, 3, 1, 6), (271, 2, 10, text), (273, 4, 1, picture),
            (277, 3, 1, 3), (278, 4, 1, image.shape[0]), (279, 4, 1, len(stream)),
            (282, 5, 1, rational), (283, 5, 1, rational), (296, 3, 1, 3), (65420, 4, 1, 1),
            (65421, 11, 1, struct.unpack("<I", struct.pack("<f", 20 / 2**number))[0]),
            (65422, 9, 1, 0), (65423, 9, 1, 0), (65424, 9, 1, offset & 0xFFFFFFFF),
            (65426, 4, len(starts), table),
        ]  # fmt: skip
        here = len(body)
        body[link : link + 8] = struct.pack("<Q", here)
        body += struct.pack("<H", len(tags))
        body += b"".join(struct.pack("<HHII", *tag) for tag in tags)
        link = len(body)
        body += bytes(8) + bytes(4 * len(tags))  # the next one, high halves of values
    path.write_bytes(body)


SCN = """<?xml version="1.0"?>
<scn xmlns="http://www.leica-microsystems.com/scn/2010/10/01">
 <collection name="c" uuid="u" sizeX="400000" sizeY="300000">{images}</collection></scn>"""
SCN_IMAGE = """<image name="{ifd}" uuid="u{ifd}"><device model="Leica SCN400" version="1"/>
<pixels sizeX="{w}" sizeY="{h}"><dimension sizeX="{w}" sizeY="{h}" r="0" ifd="{ifd}"/></pixels>
<view sizeX="{nm_x}" sizeY="{nm_y}" offsetX="{x}" offsetY="{y}" spacingZ="0"/>
<scanSettings><objectiveSettings><objective>{power}</objective></objectiveSettings>
<illuminationSettings><numericalAperture>0.6</numericalAperture>
<illuminationSource>brightfield</illuminationSource></illuminationSettings></scanSettings></image>
"""


def write_scn(path: Path, piece: np.ndarray, places: Sequence[tuple[int, int]]) -> None:
    """Leica's TIFF: a picture of 128 x 192 pixels of 0.5 um, at places in nanometres."""
    images = SCN_IMAGE.format(
        ifd=0, w=400, h=300, nm_x=400_000, nm_y=300_000, x=0, y=0, power=1
    ) + "".join(
        SCN_IMAGE.format(ifd=i, w=192, h=128, nm_x=96_000, nm_y=64_000, x=x, y=y, power=20)
        for i, (x, y) in enumerate(places, start=1)
    )
    with tifffile.TiffWriter(path, bigtiff=True) as tiff:
        for number, image in enumerate((texture(300, 400), *[piece] * len(places))):
            tiff.write(
                image,
                photometric="rgb",
                tile=(64, 64),
                description=SCN.format(images=images) if number == 0 else None,
                resolution=(20_000, 20_000) if number else (10_000, 10_000),
                resolutionunit="CENTIMETER",
                metadata=None,
            )


BIF = """<EncodeInfo Ver="2"><SlideInfo><AoiInfo XIMAGESIZE="64" YIMAGESIZE="64" NumRows="2"
NumCols="2" Pos-X="0" Pos-Y="0"/></SlideInfo><SlideStitchInfo><ImageInfo AOIScanned="1" AOIIndex="0"
NumRows="2" NumCols="2" Width="64" Height="64" Pos-X="0" Pos-Y="0">{joints}</ImageInfo>
</SlideStitchInfo><AoiOrigin><AOI0 OriginX="0" OriginY="0"/></AoiOrigin></EncodeInfo>"""
BIF_JOINT = """<TileJointInfo FlagJoined="1" Confidence="99" Direction="{0}" Tile1="{1}"
Tile2="{2}" OverlapX="{3}" OverlapY="{4}"/>"""
# Fields are numbered from the lower left one, there and back.
BIF_JOINTS = [
    ("RIGHT", 1, 2, 8, 0), ("RIGHT", 4, 3, 8, 0), ("UP", 2, 3, 0, 6), ("UP", 1, 4, 0, 6),
]  # fmt: skip


def write_bif(path: Path, scene: np.ndarray) -> None:
    """Ventana's TIFF: 122 x 120 pixels in fields of 64 that overlap by 6 rows and 8 columns."""
    fields = [[scene[y:][:64, x:][:, :64] for x in (0, 56)] for y in (0, 58)]
    tiles = np.vstack([np.hstack(row) for row in fields])
    about_tiles = BIF.format(joints="".join(BIF_JOINT.format(*joint) for joint in BIF_JOINTS))
    scan = '<iScan Magnification="40" ScanRes="0.2325" UnitNumber="1"/>'
    with tifffile.TiffWriter(path, bigtiff=True) as tiff:
        for image, about, xmp in (
            (texture(64, 64), "Label Image", scan.encode()),
            (tiles, "level=0 mag=40 quality=95", about_tiles.encode()),
        ):
            tiff.write(
                image,
                photometric="rgb",
                tile=(64, 64),
                description=about,
                software="ScanOutputManager Ventana",
                extratags=[(700, 1, len(xmp), xmp, True)],
                metadata=None,
            )


MRXS = """[GENERAL]
SLIDE_ID=ABCDEF
IMAGENUMBER_X={columns}
IMAGENUMBER_Y={rows}
OBJECTIVE_MAGNIFICATION=20
CameraImageDivisionsPerSide=1
[HIERARCHICAL]
HIER_COUNT=1
NONHIER_COUNT=0
INDEXFILE=Index.dat
HIER_0_NAME=Slide zoom level
HIER_0_COUNT=1
HIER_0_VAL_0=ZoomLevel_0
HIER_0_VAL_0_SECTION=LAYER_0_LEVEL_0_SECTION
[DATAFILE]
FILE_COUNT=1
FILE_0=Data0000.dat
[LAYER_0_LEVEL_0_SECTION]
OVERLAP_X=0
OVERLAP_Y=0
MICROMETER_PER_PIXEL_X=0.25
MICROMETER_PER_PIXEL_Y=0.25
IMAGE_FORMAT=PNG
IMAGE_FILL_COLOR_BGR=16777215
DIGITIZER_WIDTH=64
DIGITIZER_HEIGHT=64
IMAGE_CONCAT_FACTOR=0
"""


def write_mrxs(path: Path, image: np.ndarray, missing: int) -> None:
    """A preview, and beside it the folder with an index and fields of 64 pixels."""
    folder = path.with_suffix("")
    folder.mkdir()
    rows, columns = image.shape[0] // 64, image.shape[1] // 64
    about = MRXS.format(rows=rows, columns=columns)
    (folder / "Slidedat.ini").write_text(about, encoding="utf-8-sig")
    data, fields = bytearray(), []
    for number in range(rows * columns):
        y, x = 64 * (number // columns), 64 * (number % columns)
        field = io.BytesIO()
        Image.fromarray(image[y : y + 64, x : x + 64]).save(field, "PNG")
        if number != missing:
            fields.append((number, len(data), len(field.getvalue()), 0))
            data += field.getvalue()
    (folder / "Data0000.dat").write_bytes(data)
    head = b"01.02ABCDEF"
    levels = len(head) + 8  # each points to the next
    index = head + struct.pack("<5i", levels, 0, levels + 4, 0, levels + 12)
    index += struct.pack("<2i", len(fields), 0) + b"".join(struct.pack("<4i", *f) for f in fields)
    (folder / "Index.dat").write_bytes(index)
    Image.fromarray(image[:64, :64]).save(path, "JPEG")


CZI_PLAIN, CZI_JPEG_XR = "uncompressed:", "JPEG XR"
CZI_ZSTD, CZI_ZSTD_PACKED = (
    "zstd0:ExplicitLevel=3", "zstd1:ExplicitLevel=3;PreProcess=HiLoByteUnpack",
)  # fmt: skip
JPEG_XR_FORMAT = bytes.fromhex("24c3dd6f034efe4bb1853d77768dc9")  # of pixels; its last byte follows


class CziTile(NamedTuple):
    """Pixels of a level at a place of level 0; those of later ones lie above."""

    pixels: np.ndarray
    x: int
    y: int
    down: int = 1
    scene: int = 0
    focus: int = 0


def write_czi(
    path: Path, tiles: Sequence[CziTile], mpp: float, compression: str = CZI_PLAIN
) -> None:
    """By Zeiss's library; coarser levels and JPEG XR, which it does not write, are put in later."""
    path.unlink(missing_ok=True)
    jpeg_xr = compression == CZI_JPEG_XR
    options = CZI_PLAIN if jpeg_xr else compression
    with czi.create_czi(str(path), compression_options=options) as file:
        for tile in tiles:
            bgr = np.ascontiguousarray(tile.pixels[..., ::-1])
            file.write(bgr, (tile.x, tile.y), plane={"Z": tile.focus}, scene=tile.scene)
        file.write_metadata("slide", scale_x=mpp / 1e6, scale_y=mpp / 1e6)
    content = path.read_bytes()
    for tile in tiles:
        height, width = tile.pixels.shape[:2]
        for axis, start, size in ((b"X", tile.x, width), (b"Y", tile.y, height)):
            content = content.replace(
                struct.pack("<4sii4xi", axis, start, size, size),
                struct.pack("<4sii4xi", axis, start, size * tile.down, size),
            )
        if jpeg_xr:
            plain = tile.pixels[..., ::-1].tobytes()
            content = content.replace(plain, _jpeg_xr(tile.pixels).ljust(len(plain), b"\0"))
    path.write_bytes(czi_said_to_be(4, content) if jpeg_xr else content)


def czi_said_to_be(compression: int, plain: bytes) -> bytes:
    """The content of a plain file whose directory and tiles name another compression."""
    return re.sub(
        rb"(DV\x03\0{3}.{8}\0{4})\0{4}",
        lambda entry: entry[1] + struct.pack("<i", compression),
        plain,
        flags=re.DOTALL,
    )


def _jpeg_xr(pixels: np.ndarray) -> bytes:
    """A lossless stream; it asks decoders for BGR, which some heed."""
    stream = bytes(imagecodecs.jpegxr_encode(pixels, level=1.0))
    return stream.replace(JPEG_XR_FORMAT + b"\x0d", JPEG_XR_FORMAT + b"\x0c")


def write_ome_zarr(path: Path, image: np.ndarray, fmt: Format, **metadata: Any) -> None:
    axes = [{"name": "c", "type": "channel"}] + [
        {"name": name, "type": "space", "unit": "millimeter"} for name in "yx"
    ]
    group = zarr.open_group(path, mode="w", zarr_format=fmt.zarr_format)
    write_image(
        np.moveaxis(image, -1, 0),
        group,
        axes=axes,
        fmt=fmt,
        scale_factors=[{"y": 2, "x": 2}],
        coordinate_transformations=[
            [{"type": "scale", "scale": [1, 0.0005 * 2**level, 0.0005 * 2**level]}]
            for level in range(2)
        ],
        storage_options={"chunks": (3, 64, 64)},
        metadata=metadata,
    )
