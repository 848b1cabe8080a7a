"""Micrometres per pixel of TIFFs: what scanners and programs write into descriptions and tags."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from typing import Any

from tifffile import TIFF, TiffFile

from napari_stem.slides.mpp import Scale, Stated, choose_mpp, micrometres, number


def tiff_scales(tiff: TiffFile) -> list[Scale]:
    """The scale of each series of a TIFF, at full resolution."""
    return [
        choose_mpp(
            (
                aperio_mpp(page.description),
                ome_mpp(pixels),
                philips_mpp(page.description),
                vips_mpp(page.description),
                imagej_mpp(tiff.imagej_metadata, page),
                tag_mpp(page),
            )
        )
        for page, pixels in _with_ome(tiff)
    ]


def aperio_mpp(description: str) -> Stated:
    """The MPP of an Aperio description."""
    found = re.search(r"\|\s*MPP\s*=([^|\r\n]*)", description or "")
    mpp = number(found[1]) if found else float("nan")
    return Stated(mpp, mpp, "Aperio description")


def ome_mpp(pixels: ET.Element | None) -> Stated | None:
    """The physical size of an OME image."""
    if pixels is None:
        return None
    x, y = (number(pixels.get(f"PhysicalSize{axis}", "")) for axis in "XY")
    units = [micrometres(pixels.get(f"PhysicalSize{axis}Unit", "um")) for axis in "XY"]
    if units[0] is None or units[1] is None:
        return None
    return Stated(x * units[0], y * units[1] if y == y else x * units[0], "OME metadata")


def philips_mpp(description: str) -> Stated | None:
    """The pixel spacing of a Philips description, in millimetres: rows, then columns."""
    gap = r"(?:&quot;|[\s\"\\])"
    pattern = rf'DICOM_PIXEL_SPACING"[^>]*>{gap}*([\d.,eE+-]+){gap}+([\d.,eE+-]+)'
    found = re.search(pattern, description or "")
    return Stated(number(found[2]) * 1e3, number(found[1]) * 1e3, "Philips") if found else None


def vips_mpp(description: str) -> Stated | None:
    """The scale in libvips' XML: OpenSlide's, if it read the image, or pixels per millimetre."""
    if "vips" not in (description or "")[:500]:
        return None
    try:
        listed = ET.fromstring(description).iterfind(".//{*}property")
    except ET.ParseError:
        return None
    found = {one.findtext("{*}name"): number(one.findtext("{*}value")) for one in listed}
    x, y = found.get("openslide.mpp-x"), found.get("openslide.mpp-y")
    if x is not None and y is not None:
        return Stated(x, y, "libvips metadata")
    x, y = found.get("xres"), found.get("yres")
    return Stated(1e3 / x, 1e3 / y, "libvips metadata") if x and y else None


def imagej_mpp(metadata: dict[str, Any] | None, page: Any) -> Stated | None:
    """The scale of ImageJ: the resolution tags count pixels of the unit that it names."""
    unit = micrometres(str((metadata or {}).get("unit", "")))
    return _per_unit(page, unit, "ImageJ metadata")


def tag_mpp(page: Any) -> Stated | None:
    """The scale of the resolution tags, where they have a unit."""
    units = {2: 25_400.0, 3: 10_000.0, 4: 1_000.0, 5: 1.0}
    return _per_unit(page, units.get(int(page.resolutionunit or 0)), "resolution tag")


def _with_ome(tiff: TiffFile) -> Iterator[tuple[Any, ET.Element | None]]:
    """The first page of each series, and its OME image: in order, or the first of its size."""
    try:
        images = list(ET.fromstring(tiff.ome_metadata or "<none/>").iterfind(".//{*}Pixels"))
    except ET.ParseError:  # a slide is worth reading without its metadata
        images = []
    in_order = len(images) == len(tiff.series)
    for index, series in enumerate(tiff.series):
        page = series.keyframe
        size = (str(page.imagewidth), str(page.imagelength))
        alike = [one for one in images if (one.get("SizeX"), one.get("SizeY")) == size]
        own = images[index : index + 1] if in_order else []
        yield page, next(iter([*own, *alike, *images]), None)


def _per_unit(page: Any, unit: float | None, source: str) -> Stated | None:
    tags = [page.tags.get(code) for code in (TIFF.TAGS["XResolution"], TIFF.TAGS["YResolution"])]
    if unit is None or None in tags:
        return None
    try:
        x, y = (_per(tag.value) for tag in tags)
        return Stated(unit / x, unit / y, source)
    except (ArithmeticError, LookupError, TypeError, ValueError):
        return None


def _per(value: Any) -> float:
    """A fraction, as the tag should be, or the number that some programs write."""
    over, *under = value if isinstance(value, tuple) else (value,)
    return float(over) / float(under[0] if under else 1)
