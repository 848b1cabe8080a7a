"""TIFFs as slides: SVS, NDPI, OME, Philips and plain pyramids, and flat ones."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from tifffile import FileCache

from napari_stem.errors import SlideUnreadable
from napari_stem.slides.colour import used_bits
from napari_stem.slides.factors import Fitted, Stored, fit_levels
from napari_stem.slides.flat import check_flat, orientation_notes
from napari_stem.slides.focus import sharpest
from napari_stem.slides.pictures import choose_picture
from napari_stem.slides.pyramid import Level, SlideFile
from napari_stem.slides.tiff.level import TiffLevel
from napari_stem.slides.tiff.mpp import tiff_scales
from napari_stem.slides.tiff.ome_files import open_files
from napari_stem.slides.tiff.pictures import tiff_pictures
from napari_stem.slides.tiff.planes import Planes, focused_plane, rgb_planes
from napari_stem.slides.tiff.vsi import vsi_notes
from napari_stem.storage import content_of

# A damaged file gives one error; without a handler, tifffile would log every symptom.
tifffile.logger().addHandler(logging.NullHandler())

MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_PLAIN = 5  # SD of a colour below which an area shows glass
_LARGEST_TILE = 64_000_000  # pixels that are decoded to read one


def open_tiff(path: Path, *, picture: str | int = "") -> SlideFile:
    """Open a picture of a TIFF, with its coarser levels.

    Parameters
    ----------
    picture
        Its name, or its number from 0; "" takes the one that is the slide.

    Raises
    ------
    SlideUnreadable
        It is not RGB with 8 or 16 bits, or cut off.
    OptionError
        There is no such picture.
    """
    about = vsi_notes(path)
    tiff, parts = open_files(path)
    tiff.filehandle.set_lock(True)  # regions are read by several threads
    try:
        scales = tiff_scales(tiff)
        chosen = choose_picture(tiff_pictures(tiff, scales), picture)
        series = tiff.series[chosen.number]
        with chosen.naming_others():
            planes = rgb_planes(tiff, series, path)
        stored = _Series(tiff, series, path)
        focus, told = _focus(stored, planes)
        levels, notes = _levels(stored, planes.focal[focus])
        levels[0][:1, :1]  # a damaged first tile is better found now
        turned = orientation_notes(series.keyframe.tags.valueof("Orientation"))
    except BaseException:
        tiff.close()
        raise
    return SlideFile(
        levels,
        scales[chosen.number],
        _identity(series.keyframe, path),
        handle=tiff,
        notes=about + parts + chosen.notes + planes.notes + told + notes + turned,
        pictures=chosen.names,
        picture=chosen.number,
    )


def needs_openslide(path: Path) -> bool:
    """Whether the picture lies in overlapping tiles, or in several places of a canvas."""
    with tifffile.TiffFile(path) as tiff:
        return bool(tiff.is_bif or tiff.is_scn)


def _identity(page: Any, path: Path) -> str:
    """Of pixels that lie in another file than the one that names it."""
    there = Path(page.parent.filehandle.path)
    return "" if there.samefile(path) else content_of(there)


class _Series:
    """The levels of a series, checked as they are opened."""

    def __init__(self, tiff: tifffile.TiffFile, series: Any, path: Path) -> None:
        self.series = series
        self.path = path
        self._aperio = tiff.is_svs
        self._files = FileCache(lock=tiff.filehandle.lock)

    def level(self, number: int, pages: Sequence[int]) -> TiffLevel:
        """One level, of the pages that hold its colours."""
        found = self.series.levels[number].pages
        frames = [found[page if page < len(found) else 0] for page in pages]
        if None in frames:
            raise SlideUnreadable(
                "The file is incomplete: its OME metadata name more planes than it holds. Get it "
                f"again from its source. File: '{self.path}'."
            )
        page = frames[0].keyframe
        for frame in frames:
            _check_complete(frame, self.path)
        if page.is_tiled:
            _check_tile(page, self.path)
        else:
            check_flat(self.path, page.imagelength, page.imagewidth)
        return TiffLevel(page, frames, self._files, aperio=self._aperio)


def _focus(stored: _Series, planes: Planes) -> tuple[int, tuple[str, ...]]:
    """The focal plane to show, and what to tell of that."""
    count = len(planes.focal)
    if count == 1:
        return 0, ()
    focus, why = focused_plane(stored.series, planes), "that the scanner focused"
    if focus is None:
        focus = sharpest([stored.level(0, pages) for pages in planes.focal])
        why = "that is the sharpest"
    return focus, (f"Of {count} focal planes the one {why} is shown, number {focus + 1}.",)


def _levels(stored: _Series, pages: Sequence[int]) -> tuple[tuple[Level, ...], tuple[str, ...]]:
    """Levels of which none shows something else, and notes about them."""
    levels = [stored.level(number, pages) for number in range(len(stored.series.levels))]
    if not levels[0].has_tiles:
        raise SlideUnreadable(
            "The file is incomplete: none of the tiles of level 0 is stored. Get it again from its "
            f"source. File: '{stored.path}'."
        )
    depth = _take_depth(levels)
    fitted, more = fit_levels([Stored(level, level.padding) for level in levels])
    for finer, coarse in pairwise(fitted):
        levels[coarse.number].fill_from(finer.level, coarse.down / finer.down)
    read = (one.level if levels[one.number].is_tiled else one.level[:, :] for one in fitted)
    told = (levels[0].colours.note, *depth, *more, *_losses(levels[0], fitted))
    return tuple(read), tuple(filter(None, told))


def _losses(full: TiffLevel, fitted: Sequence[Fitted]) -> Iterator[str]:
    """What to tell of tiles that level 0 lacks: others show whether there is tissue."""
    if len(fitted) < 2:
        return
    coarse, down = fitted[1].level, fitted[1].down
    for places in full.missing():
        rows, columns = (slice(int(side.start / down), ceil(side.stop / down)) for side in places)
        if np.asarray(coarse[rows, columns]).std(axis=(0, 1)).max(initial=0) > _PLAIN:
            yield (
                "Tiles of level 0 are missing where a coarser level shows tissue. They are white "
                "there, and so are patches. Get the file again from its source."
            )
            return


def _take_depth(levels: Sequence[TiffLevel]) -> tuple[str, ...]:
    """Find how many bits samples use, which tags do not tell, and what to tell of that."""
    if levels[0].depth == 8:
        return ()
    bits, note = used_bits(levels[0].brightest())
    for level in levels:
        level.use_bits(bits)
    return (note,)


def _check_complete(page: Any, path: Path) -> None:
    """That tags of a few bytes do not promise pixels that are not there."""
    size = page.parent.filehandle.size
    ends = [o + n for o, n in zip(page.dataoffsets, page.databytecounts, strict=False)]
    if max(ends, default=0) > size:
        raise SlideUnreadable(
            f"The file is incomplete: its tags point to byte {max(ends):,}, but it "
            f"ends at {size:,}. Copy it again from the scanner. File: '{path}'."
        )
    promised = int(np.prod(page.keyframe.chunked))
    if len(page.dataoffsets) < promised:
        raise SlideUnreadable(
            f"The file is damaged: {page.imagewidth} x {page.imagelength} px need "
            f"{promised} tiles or strips, but its tags list {len(page.dataoffsets)}. "
            f"Copy it again from the scanner. File: '{path}'."
        )


def _check_tile(page: Any, path: Path) -> None:
    if page.tilewidth * page.tilelength > _LARGEST_TILE:
        raise SlideUnreadable(
            f"Tiles of {page.tilewidth} x {page.tilelength} px are too large to read by "
            f"region. Convert the slide to tiles of 256 or 512 px. File: '{path}'."
        )
