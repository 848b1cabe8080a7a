"""Micrometres per pixel, from what scanners and programs write into their files."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from typing import Any, NamedTuple

from tifffile import TIFF, TiffFile

PLAUSIBLE_MPP = (0.05, 20.0)
_SQUARE = 0.01  # pixels whose sides differ by less count as square
_MICROMETRES = {
    "µm": 1.0, "um": 1.0, "μm": 1.0, "\\u00b5m": 1.0, "micron": 1.0, "microns": 1.0,
    "micrometer": 1.0, "micrometre": 1.0,
    "nm": 1e-3, "nanometer": 1e-3, "nanometre": 1e-3,
    "mm": 1e3, "millimeter": 1e3, "millimetre": 1e3,
    "cm": 1e4, "centimeter": 1e4, "centimetre": 1e4, "inch": 25_400.0,
    "m": 1e6, "meter": 1e6, "metre": 1e6, "å": 1e-4, "angstrom": 1e-4,
}  # fmt: skip


class Stated(NamedTuple):
    """Width and height of a pixel in micrometres, and where they are stated."""

    x: float
    y: float
    source: str


def micrometres(unit: str | None) -> float | None:
    """Micrometres of one unit of length; None for an unknown unit."""
    return _MICROMETRES.get((unit or "").strip().lower())


def choose_mpp(stated: Iterable[Stated | None]) -> tuple[float | None, str]:
    """The first plausible scale and its source; none where its pixels are not square.

    A screen's 72 or 96 dots an inch, or no unit, give 265 µm or more and are ignored.
    """
    for one in stated:
        if one is None or not all(
            PLAUSIBLE_MPP[0] <= side <= PLAUSIBLE_MPP[1] for side in (one.x, one.y)
        ):
            continue
        if abs(one.x - one.y) > _SQUARE * max(one.x, one.y):
            return None, f"{one.source}: pixels of {one.x:.4g} x {one.y:.4g} µm are not square"
        return (one.x * one.y) ** 0.5 if one.x != one.y else one.x, one.source
    return None, "none"


def tiff_mpp(tiff: TiffFile, page: Any) -> tuple[float | None, str]:
    """The scale of a TIFF whose full-resolution image is `page`."""
    return choose_mpp(
        (
            aperio_mpp(page.description),
            ome_mpp(tiff.ome_metadata, page.imagewidth, page.imagelength),
            philips_mpp(page.description),
            imagej_mpp(tiff.imagej_metadata, page),
            tag_mpp(page),
        )
    )


def aperio_mpp(description: str) -> Stated | None:
    """The MPP of an Aperio description."""
    found = re.search(r"\|\s*MPP\s*=\s*(\d*\.?\d+)", description or "")
    return Stated(float(found[1]), float(found[1]), "Aperio description") if found else None


def ome_mpp(metadata: str | None, width: int, height: int) -> Stated | None:
    """The physical size of the OME image of this size, or of the first one."""
    try:
        images = list(ET.fromstring(metadata or "<none/>").iterfind(".//{*}Pixels"))
        if not images:
            return None
        size = (str(width), str(height))
        pixels = next((i for i in images if (i.get("SizeX"), i.get("SizeY")) == size), images[0])
        x, y = float(pixels.attrib["PhysicalSizeX"]), float(pixels.get("PhysicalSizeY", "nan"))
    except (ET.ParseError, LookupError, ValueError):
        return None  # a slide is worth reading without its metadata
    units = [micrometres(pixels.get(f"PhysicalSize{axis}Unit", "um")) for axis in "XY"]
    if units[0] is None or units[1] is None:
        return None
    return _stated(x * units[0], y * units[1] if y == y else x * units[0], "OME metadata")


def philips_mpp(description: str) -> Stated | None:
    """The pixel spacing of a Philips description, in millimetres: rows, then columns."""
    gap = r"(?:&quot;|[\s\"\\])"
    pattern = rf'DICOM_PIXEL_SPACING"[^>]*>{gap}*([\d.eE-]+){gap}+([\d.eE-]+)'
    found = re.search(pattern, description or "")
    try:
        return _stated(float(found[2]) * 1e3, float(found[1]) * 1e3, "Philips") if found else None
    except ValueError:
        return None


def imagej_mpp(metadata: dict[str, Any] | None, page: Any) -> Stated | None:
    """The scale of ImageJ: the resolution tags count pixels of the unit that it names."""
    unit = micrometres(str((metadata or {}).get("unit", "")))
    return _per_unit(page, unit, "ImageJ metadata")


def tag_mpp(page: Any) -> Stated | None:
    """The scale of the resolution tags, where they have a unit."""
    units = {2: 25_400.0, 3: 10_000.0, 4: 1_000.0, 5: 1.0}
    return _per_unit(page, units.get(int(page.resolutionunit or 0)), "resolution tag")


def _per_unit(page: Any, unit: float | None, source: str) -> Stated | None:
    tags = [page.tags.get(code) for code in (TIFF.TAGS["XResolution"], TIFF.TAGS["YResolution"])]
    if unit is None or None in tags:
        return None
    try:
        x, y = (tag.value[0] / tag.value[1] for tag in tags)
        return _stated(unit / x, unit / y, source)
    except (ArithmeticError, LookupError, TypeError):
        return None


def _stated(x: float, y: float, source: str) -> Stated | None:
    return Stated(x, y, source) if 0 < x < float("inf") and 0 < y < float("inf") else None
