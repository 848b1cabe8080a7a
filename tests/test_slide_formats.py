"""Scanners' formats: read as their own library wrote them, or as OpenSlide reads them."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import openslide
import pytest
import tifffile
import zarr
from ome_zarr.format import Format, FormatV04, FormatV05
from ome_zarr.writer import write_image
from PIL import Image

from napari_stem.errors import MissingScale, SlideNotFound, SlideUnreadable
from napari_stem.slide import Slide, open_slide


def texture(height: int, width: int) -> np.ndarray:
    """Smooth colours, so that JPEG comes near to them."""
    y, x = np.mgrid[:height, :width]
    rgb = [120 + 60 * np.sin(x / 31), 130 + 60 * np.cos(y / 17), 90 + x / 4 + y / 7]
    return np.stack(np.broadcast_arrays(*rgb), axis=-1).clip(0, 255).astype(np.uint8)


IMAGE = texture(320, 448)


def whole(slide: Slide) -> np.ndarray:
    return slide.read_region(0, 0, slide.width, slide.height)


def by_openslide(path: Path, level: int = 0) -> np.ndarray:
    with openslide.OpenSlide(path) as slide:
        return np.asarray(slide.read_region((0, 0), level, slide.level_dimensions[level]))[..., :3]


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
        description="Aperio Image Library v1\r\n448x320 (64x64) J2K/YUV16|AppMag = 40|MPP = 0.2520",
        metadata=None,
    )
    with open_slide(path) as slide:
        assert (slide.mpp, slide.mpp_source) == (0.252, "Aperio description")
        assert abs(whole(slide) - IMAGE.astype(int)).max() <= 3  # 8 bits of YCbCr hold about that
        assert abs(whole(slide) - by_openslide(path).astype(int)).max() <= 2


def write_ndpi(path: Path, images: Sequence[np.ndarray], mpp: float) -> None:
    """Hamamatsu's TIFF: 64-bit links, each picture one JPEG that restarts tile by tile."""
    body = bytearray(b"II*\0" + bytes(8))
    link = 4
    for number, image in enumerate(images):
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
            (65422, 9, 1, 0), (65423, 9, 1, 0), (65424, 9, 1, 0), (65426, 4, len(starts), table),
        ]  # fmt: skip
        here = len(body)
        body[link : link + 8] = struct.pack("<Q", here)
        body += struct.pack("<H", len(tags))
        body += b"".join(struct.pack("<HHII", *tag) for tag in tags)
        link = len(body)
        body += bytes(8) + bytes(4 * len(tags))  # the next one, high halves of values
    path.write_bytes(body)


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


def test_an_scn_shows_all_of_its_regions_where_they_lie(tmp_path: Path):
    path = tmp_path / "slide.scn"
    macro, piece = texture(300, 400), texture(128, 192)
    places = [(50_000, 40_000), (250_000, 120_000)]  # nanometres
    images = SCN_IMAGE.format(
        ifd=0, w=400, h=300, nm_x=400_000, nm_y=300_000, x=0, y=0, power=1
    ) + "".join(
        SCN_IMAGE.format(ifd=i, w=192, h=128, nm_x=96_000, nm_y=64_000, x=x, y=y, power=20)
        for i, (x, y) in enumerate(places, start=1)
    )
    with tifffile.TiffWriter(path, bigtiff=True) as tiff:
        for number, image in enumerate((macro, piece, piece)):
            tiff.write(
                image,
                photometric="rgb",
                tile=(64, 64),
                description=SCN.format(images=images) if number == 0 else None,
                resolution=(20_000, 20_000) if number else (10_000, 10_000),
                resolutionunit="CENTIMETER",
                metadata=None,
            )
    with open_slide(path) as slide:
        assert (slide.width, slide.height, slide.mpp) == (800, 600, 0.5)
        expected = np.full((600, 800, 3), 255, np.uint8)
        for x, y in places:
            expected[y // 500 :, x // 500 :][:128, :192] = piece
        np.testing.assert_array_equal(whole(slide), expected)


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


def test_a_bif_is_stitched(tmp_path: Path):
    path = tmp_path / "slide.bif"
    scene = texture(122, 120)  # the scanner's fields overlap by 8 columns and 6 rows
    fields = [[scene[y:][:64, x:][:, :64] for x in (0, 56)] for y in (0, 58)]
    tiles = np.vstack([np.hstack(row) for row in fields])
    about_tiles = BIF.format(joints="".join(BIF_JOINT.format(*joint) for joint in BIF_JOINTS))
    scan = b'<iScan Magnification="40" ScanRes="0.2325" UnitNumber="1"/>'
    with tifffile.TiffWriter(path, bigtiff=True) as tiff:
        for image, about, xmp in (
            (texture(64, 64), "Label Image", scan),
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
    with open_slide(path) as slide:
        assert slide.mpp == 0.2325
        np.testing.assert_array_equal(whole(slide), scene)


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


def test_an_mrxs_is_white_where_nothing_was_scanned(tmp_path: Path):
    path = tmp_path / "slide.mrxs"
    scene = texture(128, 192)
    write_mrxs(path, scene, missing=4)
    expected = scene.copy()
    expected[64:, 64:128] = 255
    with open_slide(path) as slide:
        assert (slide.mpp, slide.mpp_source) == (0.25, "OpenSlide (mirax)")
        np.testing.assert_array_equal(whole(slide), expected)


def test_the_preview_beside_an_mrxs_is_not_taken_for_the_slide(tmp_path: Path):
    path = tmp_path / "slide.mrxs"
    Image.fromarray(IMAGE).save(path, "JPEG")
    with pytest.raises(SlideUnreadable, match=r"slide\.mrxs' cannot be read as a slide"):
        open_slide(path)


def test_without_openslide_its_formats_say_what_to_install(data_dir: Path):
    path = data_dir / "slides" / "openslide-python_boxes_0.dcm"
    code = (
        "import sys; sys.modules['openslide'] = None\n"
        "from napari_stem.slide import open_slide\n"
        f"try: open_slide({str(path)!r})\n"
        "except Exception as error: print(type(error).__name__, error)\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.startswith("SlideUnreadable")
    assert 'pip install "napari-stem[openslide]"' in ran.stdout


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
                with pytest.raises(MissingScale, match=r"pixels of 0\.25 x 0\.3 um are not square"):
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
