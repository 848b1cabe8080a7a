"""Scales are the numbers that files state, in whatever way; where none counts, one learns why."""

from __future__ import annotations

import struct
from math import isnan
from pathlib import Path
from typing import Any

import pytest
import tifffile
from typer.testing import CliRunner

from napari_stem.cli import app
from napari_stem.errors import MissingScale
from napari_stem.slides.mpp import Stated, choose_mpp, number
from napari_stem.slides.slide import open_slide

from .tiff_writers import APERIO, stained

IMAGE = stained(96, 128)
OME = """<?xml version="1.0" encoding="UTF-8"?>
<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0">
<Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint8" SizeX="128" SizeY="96" SizeZ="1"
SizeT="1" SizeC="3" PhysicalSizeX="{x}" PhysicalSizeXUnit="{unit}" PhysicalSizeY="{y}"
PhysicalSizeYUnit="{unit}"><Channel ID="Channel:0:0" SamplesPerPixel="3"/><TiffData/></Pixels>
</Image></OME>"""


def write(path: Path, **options: Any) -> Path:
    tifffile.imwrite(path, IMAGE, photometric="rgb", tile=(64, 64), metadata=None, **options)
    return path


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.5", 0.5), ("0,500000", 0.5), ("1,01", 1.01), (" .25 ", 0.25), (",25", 0.25),
        ("5e-1", 0.5), ("2,5E-01", 0.25), ("+1", 1), ("-0,5", -0.5), ("2.5E+2", 250),
        ("1.234,5", 1234.5), ("1,234.5", 1234.5), ("1,234,567", 1_234_567), ("1.", 1), (3, 3),
        (0.1, 0.1),
    ],
)  # fmt: skip
def test_numbers_are_read_whatever_parts_their_decimals(text: object, value: float):
    assert number(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "x", "1 2", "0.5 µm", None, "0x10", "nan", "1e", "-", "."])
def test_what_is_no_number_is_none(text: object):
    assert isnan(number(text))


@pytest.mark.parametrize(
    ("stated", "mpp"),
    [
        ("0,500000", 0.5),
        ("1,01", 1.01),
        ("2.5e-1", 0.25),
        ("0.2527|Left = 1,5", 0.2527),
        ("x", None),
    ],
)
def test_aperios_numbers(tmp_path: Path, stated: str, mpp: float | None):
    about = APERIO.format(w=128, h=96)
    path = write(tmp_path / "slide.svs", description=f"{about}|MPP = {stated}")
    with open_slide(path) as slide:
        assert slide.mpp == mpp


def test_omes_and_philips_numbers_may_have_a_comma(tmp_path: Path):
    ome = OME.format(x="0,5", y="5,0E-1", unit="µm").encode()
    philips = (
        '<?xml version="1.0"?><DataObject><Attribute Name="DICOM_PIXEL_SPACING" Group="0x0028">'
        "&quot;2,5E-04&quot; &quot;0,00025&quot;</Attribute></DataObject>"
    )
    for name, about, mpp in (("a.ome.tif", ome, 0.5), ("b.tif", philips, 0.25)):
        software = "Philips DP v1.0" if mpp == 0.25 else None
        with open_slide(write(tmp_path / name, description=about, software=software)) as slide:
            assert slide.mpp == pytest.approx(mpp)


@pytest.mark.parametrize(
    ("properties", "mpp"),
    [
        ({"xres": "2000", "yres": "2000"}, 0.5),
        ({"xres": "4000", "yres": "4000", "openslide.mpp-x": "0.2497", "openslide.mpp-y": "0.2497"},
         0.2497),
        ({"xres": "1", "yres": "1"}, None),
    ],
)  # fmt: skip
def test_libvips_states_the_scale_in_its_xml(
    tmp_path: Path, properties: dict[str, str], mpp: float | None
):
    listed = "".join(
        f'<property><name>{name}</name><value type="gdouble">{value}</value></property>'
        for name, value in properties.items()
    )
    about = (
        '<?xml version="1.0"?><image xmlns="http://www.vips.ecs.soton.ac.uk//dzsave" '
        f'version="8.15"><properties>{listed}</properties></image>'
    )
    with open_slide(write(tmp_path / "slide.tif", description=about)) as slide:
        assert slide.mpp == (None if mpp is None else pytest.approx(mpp))


def test_resolution_tags_may_be_floating_point(tmp_path: Path):
    path = write(tmp_path / "slide.tif", resolution=(1, 1), resolutionunit="CENTIMETER")
    with tifffile.TiffFile(path) as tiff:
        entries = [tiff.pages[0].tags[f"{axis}Resolution"].offset for axis in "XY"]
    with path.open("r+b") as file:
        for entry in entries:
            file.seek(entry + 2)
            file.write(struct.pack("<HIf", 11, 1, 20_000))
    with open_slide(path) as slide:
        assert (slide.mpp, slide.mpp_source) == (pytest.approx(0.5), "resolution tag")


@pytest.mark.parametrize(
    ("size", "unit", "why"),
    [
        (0.027, "µm", "OME metadata states 0.027 µm/px, which no scanner has"),
        (0.5, "mm", "OME metadata states 500 µm/px, which no scanner has"),
        (0, "µm", "OME metadata states 0 µm/px, which no scanner has"),
    ],
)
def test_a_scale_that_no_scanner_has_is_named(tmp_path: Path, size: float, unit: str, why: str):
    about = OME.format(x=size, y=size, unit=unit).encode()
    path = write(tmp_path / "slide.ome.tif", description=about)
    with open_slide(path) as slide:
        assert (slide.mpp, slide.mpp_source) == (None, why)
        with pytest.raises(MissingScale, match=why):
            slide.require_mpp()
    output = CliRunner().invoke(app, ["info", str(path)]).output
    assert f"scale unknown ({why})" in " ".join(output.split())


def test_two_scales_that_contradict_each_other_are_told(tmp_path: Path):
    about = APERIO.format(w=128, h=96) + "|MPP = 0.25"
    tags = {"resolution": (20_000, 20_000), "resolutionunit": "CENTIMETER"}
    path = write(tmp_path / "slide.svs", description=about, **tags)
    with open_slide(path) as slide:
        assert slide.mpp == 0.25
        (note,) = slide.notes
        assert note.startswith("Aperio description states 0.25 µm/px, resolution tag 0.5 µm/px.")
        assert slide.with_mpp(0.5).notes == ()


def test_the_first_scale_that_a_scanner_can_have_counts():
    screen, scan = Stated(352.8, 352.8, "tag"), Stated(0.25, 0.25, "description")
    assert choose_mpp([None, screen, scan]) == (0.25, "description", ())
    assert choose_mpp([]) == (None, "none", ())
