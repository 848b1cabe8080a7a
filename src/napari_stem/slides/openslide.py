"""Slides that OpenSlide reads: MRXS, SCN, BIF, DICOM and other scanners' own formats."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_stem.errors import SlideUnreadable
from napari_stem.extras import extra
from napari_stem.slides.colour import over_white
from napari_stem.slides.factors import Stored, fit_levels
from napari_stem.slides.mpp import Stated, choose_mpp, number
from napari_stem.slides.pyramid import Sliced, SlideFile

_PREAMBLE, _DICOM = 128, b"DICM"  # where its magic number lies, behind anything
LONGEST_MAGIC = _PREAMBLE + len(_DICOM)
_SUFFIXES = (".mrxs", ".vms", ".vmu", ".svslide", ".dcm")
_LARGEST = 4_000_000  # pixels of a side
_SIDES = ("height", "width")
_AT_ONCE = 4096  # rows and columns that OpenSlide is asked for


def is_for_openslide(path: Path) -> bool:
    """Whether a name is that of a format that OpenSlide alone reads.

    An MRXS file, for example, is a JPEG image next to the folder of its slide.
    """
    return path.suffix.lower() in _SUFFIXES


def is_dicom(start: bytes) -> bool:
    """Whether the first `LONGEST_MAGIC` bytes of a file are those of DICOM."""
    return start[_PREAMBLE:].startswith(_DICOM)


def open_openslide(path: Path) -> SlideFile:
    """Open a slide with OpenSlide.

    Raises
    ------
    SlideUnreadable
        OpenSlide is not installed, or does not know the file.
    """
    with extra("openslide", f"The format of '{path.name}'", SlideUnreadable):
        import openslide
    slide = openslide.OpenSlide(str(path))
    try:
        _check_size(path, *slide.dimensions)
        stored = [_stored(slide, number) for number in range(slide.level_count)]
        stored[0].level[:1, :1]  # damage is better found now
        fitted, notes = fit_levels(stored)
        found = slide.properties
        scale = choose_mpp([_stated(found)])
        identity = found.get(openslide.PROPERTY_NAME_QUICKHASH1, "")
    except BaseException:
        slide.close()
        raise
    levels = tuple(one.level for one in fitted)
    return SlideFile(levels, scale, identity, handle=slide, notes=notes)


class OpenSlideLevel(Sliced):
    """A level of a slide that OpenSlide has opened; what was not scanned is white."""

    def __init__(self, slide: Any, number: int) -> None:
        width, height = slide.level_dimensions[number]
        super().__init__(height, width)
        self._slide = slide
        self._number = number
        self._down = slide.level_downsamples[number]

    def read(self, top: int, bottom: int, left: int, right: int) -> NDArray[np.uint8]:
        """A rectangle; OpenSlide wants its corner in level-0 pixels."""
        pixels = np.empty((bottom - top, right - left, 3), np.uint8)
        for y in range(top, bottom, _AT_ONCE):
            for x in range(left, right, _AT_ONCE):
                size = min(right - x, _AT_ONCE), min(bottom - y, _AT_ONCE)
                corner = round(x * self._down), round(y * self._down)
                part = np.asarray(self._slide.read_region(corner, self._number, size))
                pixels[y - top :, x - left :][: size[1], : size[0]] = over_white(part)
        return pixels


def _stored(slide: Any, number: int) -> Stored:
    """A level, and the size of the tiles that its file has."""
    tile = (slide.properties.get(f"openslide.level[{number}].tile-{s}", 1) for s in _SIDES)
    height, width = map(int, tile)
    return Stored(OpenSlideLevel(slide, number), (height, width))


def _check_size(path: Path, width: int, height: int) -> None:
    if not (0 < width <= _LARGEST and 0 < height <= _LARGEST):
        raise SlideUnreadable(
            f"The file declares an image of {width} x {height} px, which is implausible for a "
            f"scan. Check the file. File: '{path}'."
        )


def _stated(properties: Any) -> Stated:
    x, y = (number(properties.get(f"openslide.mpp-{axis}")) for axis in "xy")
    return Stated(x, y, f"OpenSlide ({properties.get('openslide.vendor', 'unknown vendor')})")
