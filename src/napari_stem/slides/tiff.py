"""TIFFs as slides: SVS, NDPI, OME, Philips and plain pyramids, and flat ones."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from tifffile import PHOTOMETRIC, FileCache

from napari_stem.errors import SlideUnreadable
from napari_stem.slides.flat import check_flat
from napari_stem.slides.mpp import tiff_mpp
from napari_stem.slides.pyramid import Level, SlideFile, downsample
from napari_stem.slides.tiff_level import TiffLevel

# A damaged file gives one error; without a handler, tifffile would log every symptom.
tifffile.logger().addHandler(logging.NullHandler())

MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_LARGEST_TILE = 64_000_000  # pixels that are decoded to read one
_RATIO = 0.02  # by which the sides of a level may differ in how far they are reduced


def open_tiff(path: Path) -> SlideFile:
    """Open the largest picture of a TIFF, with its coarser levels.

    Raises
    ------
    SlideUnreadable
        It is not an 8-bit RGB image, or cut off.
    """
    tiff = tifffile.TiffFile(path)
    tiff.filehandle.set_lock(True)  # regions are read by several threads
    try:
        series = max(tiff.series, key=lambda s: s.size)
        _check_rgb(series, path)
        _check_complete(series, path)
        stored = list(_levels(tiff, series, path))
        levels = tuple(_read(level) for level in stored)
        levels[0][:1, :1]  # a damaged first tile is better found now
        mpp, source = tiff_mpp(tiff, series.keyframe)
    except BaseException:
        tiff.close()
        raise
    note = stored[0].colours.note
    return SlideFile(levels, mpp, source, handle=tiff, notes=(note,) if note else ())


def needs_openslide(path: Path) -> bool:
    """Whether the picture lies in overlapping tiles, or in several places of a canvas."""
    with tifffile.TiffFile(path) as tiff:
        return bool(tiff.is_bif or tiff.is_scn)


def _check_rgb(series: Any, path: Path) -> None:
    page = series.keyframe
    channels = {"YXS": series.shape[-1], "SYX": series.shape[0]}.get(series.axes)
    colours = page.photometric in (PHOTOMETRIC.RGB, PHOTOMETRIC.YCBCR)
    if channels not in (3, 4) or not colours or series.dtype != np.uint8:
        raise SlideUnreadable(
            f"The image is not RGB: axes {series.axes}, shape {series.shape}, type "
            f"{series.dtype}, {PHOTOMETRIC(page.photometric).name}. An 8-bit RGB image of "
            f"H&E is needed. File: '{path}'."
        )


def _check_complete(series: Any, path: Path) -> None:
    """That tags of a few bytes do not promise pixels that are not there."""
    size = path.stat().st_size
    for page in (level.keyframe for level in series.levels):
        ends = [o + n for o, n in zip(page.dataoffsets, page.databytecounts, strict=False)]
        if max(ends, default=0) > size:
            raise SlideUnreadable(
                f"The file is incomplete: its tags point to byte {max(ends):,}, but it "
                f"ends at {size:,}. Copy it again from the scanner. File: '{path}'."
            )
        promised = int(np.prod(page.chunked))
        if len(page.dataoffsets) < promised:
            raise SlideUnreadable(
                f"The file is damaged: {page.imagewidth} x {page.imagelength} px need "
                f"{promised} tiles or strips, but its tags list {len(page.dataoffsets)}. "
                f"Copy it again from the scanner. File: '{path}'."
            )


def _levels(tiff: tifffile.TiffFile, series: Any, path: Path) -> Iterator[TiffLevel]:
    files = FileCache(lock=tiff.filehandle.lock)
    before: TiffLevel | None = None
    for page in (level.keyframe for level in series.levels):
        if before is not None and not _reduces(page, before, series.keyframe):
            return
        level = TiffLevel(page, [page], files, aperio=tiff.is_svs)
        if before is not None:
            level.fill_from(before, downsample(before.shape, level.shape))
        before = level
        if page.is_tiled:
            _check_tile(page, path)
        else:
            check_flat(path, page.imagelength, page.imagewidth)
        yield level


def _read(level: TiffLevel) -> Level:
    """Tiles are read when they are asked for; strips, as a JPEG, are decoded now."""
    return level if level.is_tiled else level[:]


def _reduces(page: Any, before: Level, full: Any) -> bool:
    """Whether a level is smaller than the one before, and shows the same picture."""
    height, width = page.imagelength, page.imagewidth
    if height >= before.shape[0] or width >= before.shape[1]:
        return False
    rounding = 1 / min(height, width)
    down = full.imagelength / height, full.imagewidth / width
    return bool(abs(down[0] / down[1] - 1) <= _RATIO + rounding)


def _check_tile(page: Any, path: Path) -> None:
    if page.tilewidth * page.tilelength > _LARGEST_TILE:
        raise SlideUnreadable(
            f"Tiles of {page.tilewidth} x {page.tilelength} px are too large to read by "
            f"region. Convert the slide to tiles of 256 or 512 px. File: '{path}'."
        )
