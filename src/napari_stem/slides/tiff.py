"""TIFFs as slides: SVS, NDPI, OME, Philips and plain pyramids, and flat ones."""

from __future__ import annotations

import logging
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from tifffile import PHOTOMETRIC, FileCache

from napari_stem.errors import SlideUnreadable
from napari_stem.slides.factors import Stored, fit_levels
from napari_stem.slides.flat import check_flat
from napari_stem.slides.pyramid import Level, SlideFile
from napari_stem.slides.tiff_level import TiffLevel
from napari_stem.slides.tiff_mpp import tiff_mpp

# A damaged file gives one error; without a handler, tifffile would log every symptom.
tifffile.logger().addHandler(logging.NullHandler())

MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_LARGEST_TILE = 64_000_000  # pixels that are decoded to read one


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
        levels, notes = _levels(tiff, series, path)
        levels[0][:1, :1]  # a damaged first tile is better found now
        scale = tiff_mpp(tiff, series.keyframe)
    except BaseException:
        tiff.close()
        raise
    return SlideFile(levels, scale, handle=tiff, notes=notes)


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


def _levels(
    tiff: tifffile.TiffFile, series: Any, path: Path
) -> tuple[tuple[Level, ...], tuple[str, ...]]:
    """Levels from which others are left out, and notes about them."""
    files = FileCache(lock=tiff.filehandle.lock)
    levels = []
    for page in (level.keyframe for level in series.levels):
        if page.is_tiled:
            _check_tile(page, path)
        else:
            check_flat(path, page.imagelength, page.imagewidth)
        levels.append(TiffLevel(page, [page], files, aperio=tiff.is_svs))
    fitted, notes = fit_levels([Stored(level, level.tile) for level in levels])
    for finer, coarse in pairwise(fitted):
        levels[coarse.number].fill_from(finer.level, coarse.down / finer.down)
    note = levels[0].colours.note
    read = tuple(one.level if levels[one.number].is_tiled else one.level[:, :] for one in fitted)
    return read, ((note,) if note else ()) + notes


def _check_tile(page: Any, path: Path) -> None:
    if page.tilewidth * page.tilelength > _LARGEST_TILE:
        raise SlideUnreadable(
            f"Tiles of {page.tilewidth} x {page.tilelength} px are too large to read by "
            f"region. Convert the slide to tiles of 256 or 512 px. File: '{path}'."
        )
