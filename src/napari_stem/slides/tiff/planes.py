"""Which pages of a TIFF make one RGB picture: colours in one page, or one grey page for each."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from tifffile import PHOTOMETRIC, TiffFile

from napari_stem.errors import SlideUnreadable
from napari_stem.text import a_few

_DEPTHS = (np.dtype(np.uint8), np.dtype(np.uint16))
_COLOURS = {"red": 0, "r": 0, "green": 1, "g": 1, "blue": 2, "b": 2}
_FOCUS, _CHANNEL = "Z", "C"
_Z_OFFSET = 65424  # Hamamatsu's tag: from the plane that the scanner focused


class Planes(NamedTuple):
    """Pages of a series, by their number in it.

    Attributes
    ----------
    focal
        For each focal plane its pages: one, or those of red, green and blue.
    notes
        What else the series holds, or how its pages were understood.
    """

    focal: Sequence[tuple[int, ...]]
    notes: tuple[str, ...] = ()


def rgb_planes(tiff: TiffFile, series: Any, path: Path) -> Planes:
    """The pages that show the first picture of a series, in each focal plane.

    Raises
    ------
    SlideUnreadable
        They are not RGB with 8 or 16 bits.
    """
    colours = _colour_pages(tiff, series, path)
    page_axes = 3 if "S" in series.axes else 2
    axes, shape = series.axes[:-page_axes], series.shape[:-page_axes]
    numbers = np.arange(int(np.prod(shape))).reshape(shape)
    notes = []
    for axis in reversed(range(len(axes))):
        count = shape[axis]
        if axes[axis] == _CHANNEL and colours is not None:
            numbers = np.moveaxis(numbers.take(colours, axis), axis, -1)
            notes.append("Three grey channels named red, green and blue are shown as one picture.")
        elif axes[axis] != _FOCUS:
            numbers = numbers.take(0, axis)
            if count > 1:
                notes.append(f"The file has {count} pictures of this size; the first is shown.")
    focal = numbers.reshape(-1, 3 if colours is not None else 1)
    if focal.max() >= len(series.pages):  # stacks of ImageJ have tags for the first alone
        notes.append(f"Of {len(focal)} focal planes the first is shown.")
        focal = focal[:1]
    return Planes([tuple(map(int, pages)) for pages in focal], tuple(notes))


def focused_plane(series: Any, planes: Planes) -> int | None:
    """The focal plane that a Hamamatsu scanner focused; None where no tag tells."""
    if series.kind != "ndpi":
        return None
    offsets = [series.pages[first].tags.valueof(_Z_OFFSET) for first, *_ in planes.focal]
    return offsets.index(0) if 0 in offsets else None


def _colour_pages(tiff: TiffFile, series: Any, path: Path) -> list[int] | None:
    """The channels of red, green and blue, if they are three grey ones; None for RGB pages."""
    page, axes = series.keyframe, series.axes
    is_deep_enough = series.dtype in _DEPTHS and page.imagedepth == 1
    is_rgb = page.photometric in (PHOTOMETRIC.RGB, PHOTOMETRIC.YCBCR)
    if axes.endswith(("YXS", "SYX")) and page.samplesperpixel >= 3 and is_rgb and is_deep_enough:
        return None
    names = _channel_names(tiff, series)
    found = [_COLOURS.get(name.strip().lower(), 3) for name in names]
    is_grey = page.photometric == PHOTOMETRIC.MINISBLACK and page.samplesperpixel == 1
    has_pages = len(series.pages) == int(np.prod(series.shape[:-2]))
    is_named = sorted(found) == [0, 1, 2]
    if axes.endswith("YX") and is_grey and is_deep_enough and is_named and has_pages:
        return [found.index(colour) for colour in range(3)]
    named = f", channels {a_few(names)}" if names else ""
    raise SlideUnreadable(
        f"The image is not RGB: axes {axes}, shape {series.shape}, type {series.dtype}, "
        f"{PHOTOMETRIC(page.photometric).name}{named}. An RGB image of H&E with 8 or 16 bits is "
        f"needed. File: '{path}'."
    )


def _channel_names(tiff: TiffFile, series: Any) -> list[str]:
    """Those of a series with channels of their own, as OME or ImageJ name them."""
    shape = dict(zip(series.axes, series.shape, strict=True))
    count = shape.get(_CHANNEL, 0)
    if tiff.imagej_metadata is not None:
        labels = list(map(str, tiff.imagej_metadata.get("Labels", ())))
        return labels if len(labels) == count else []
    try:
        pixels = ET.fromstring(tiff.ome_metadata or "<none/>").iterfind(".//{*}Pixels")
    except ET.ParseError:
        return []
    size = (str(shape.get("X")), str(shape.get("Y")))
    for one in pixels:
        names = [channel.get("Name", "") for channel in one.iterfind("{*}Channel")]
        if (one.get("SizeX"), one.get("SizeY")) == size and len(names) == count:
            return [name for name in names if name]
    return []
