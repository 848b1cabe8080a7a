"""A level of a TIFF: tiles or strips that are decoded as they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product
from math import ceil, floor
from typing import TYPE_CHECKING, Any

import numpy as np
from tifffile import FileCache

from napari_stem.slides.colour import Colours, brightest_of
from napari_stem.slides.pyramid import Level, Sliced, averaged
from napari_stem.slides.tiff.chroma import Segment, decoder_of
from napari_stem.slides.tiff.colours import JPEG, tiff_colours

if TYPE_CHECKING:
    from numpy.typing import NDArray

_GLASS = 255  # where a scanner stored no tile, and no finer level has one
_LOOKED_AT = 64  # tiles that stand for all


class TiffLevel(Sliced):
    """A level's tiles as RGB; one that is missing shows the finer level, or white.

    Parameters
    ----------
    page
        Whose tags describe the tiles.
    frames
        The pages that hold them: one, or one for each colour.
    """

    def __init__(
        self, page: Any, frames: Sequence[Any], files: FileCache, *, aperio: bool = False
    ) -> None:
        super().__init__(page.imagelength, page.imagewidth)
        self.depth = 8 * page.dtype.itemsize
        self._page = page
        self._frames = frames
        self._files = files
        self.is_tiled = tiled = bool(page.is_tiled)
        self._tile = (
            page.tilelength if tiled else min(page.rowsperstrip, page.imagelength),
            page.tilewidth if tiled else page.imagewidth,
        )
        self._rows, self._columns = map(_parts, self.shape[:2], self._tile)
        self._planes = page.samplesperpixel if page.planarconfig == 2 else 1
        self._finer: tuple[Level, float] | None = None
        self.colours = self._colours(aperio=aperio)

    @property
    def padding(self) -> tuple[int, int]:
        """Rows and columns to whose multiples it may be padded."""
        return self._tile if self.is_tiled else (1, 1)

    @property
    def has_tiles(self) -> bool:
        """Whether any of its tiles or strips is stored."""
        return any(at and size for frame in self._frames for at, size in _segments(frame))

    def fill_from(self, finer: Level, down: float) -> None:
        """Show a finer level, `down` times as large, where tiles are missing."""
        self._finer = finer, down

    def use_bits(self, bits: int) -> None:
        """Scale samples of which only some bits are used to 8 bits."""
        self.colours = replace(self.colours, bits=bits)

    def brightest(self) -> int:
        """The largest sample of some tiles spread over the level."""
        step = ceil(self._rows * self._columns / _LOOKED_AT)
        places = list(product(range(self._rows), range(self._columns)))[::step]
        tiles = (self._samples(*place) for place in places)
        return max((brightest_of(samples) for samples in tiles if samples is not None), default=0)

    def missing(self) -> list[tuple[slice, slice]]:
        """Rows and columns of some of the tiles that are missing, spread over the level."""
        height, width = self._tile
        places = product(range(self._rows), range(self._columns))
        stored = zip(places, _segments(self._frames[0]), strict=False)
        lost = [place for place, (at, size) in stored if not (at and size)]
        return [
            (slice(row * height, (row + 1) * height), slice(column * width, (column + 1) * width))
            for row, column in lost[:: ceil(len(lost) / _LOOKED_AT) or 1]
        ]

    def read(self, top: int, bottom: int, left: int, right: int) -> NDArray[np.uint8]:
        """A rectangle, put together from the tiles that it touches."""
        height, width = self._tile
        pixels = np.full((bottom - top, right - left, 3), _GLASS, np.uint8)
        for row, column in self._touched(top, bottom, left, right):
            y, x = row * height, column * width
            first, last = max(top, y), min(bottom, y + height)
            west, east = max(left, x), min(right, x + width)
            samples = self._samples(row, column)
            if samples is None:
                part = self._of_finer(first, last, west, east)
            else:
                part = self.colours.rgb(samples[first - y : last - y, west - x : east - x])
            there = pixels[first - top :, west - left :]
            there[: part.shape[0], : part.shape[1]] = part
        return pixels

    def _colours(self, *, aperio: bool) -> Colours:
        """What the first tile that is there tells of all."""
        stored = (i for i in range(self._rows * self._columns) if self._stream(0, i))
        first = next(stored, 0)
        stream = self._stream(0, first)
        self._decode = decoder_of(self._page, stream)
        segment = self._segment(0, first, stream)
        return tiff_colours(self._page, stream, lambda: self._decode(segment), aperio=aperio)

    def _touched(self, top: int, bottom: int, left: int, right: int) -> Iterator[tuple[int, int]]:
        height, width = self._tile
        return product(
            range(top // height, _parts(bottom, height)), range(left // width, _parts(right, width))
        )

    def _samples(self, row: int, column: int) -> NDArray[Any] | None:
        """(h, w, samples) of one tile; None where it, or one of its planes, is missing."""
        planes = []
        for frame, plane in product(range(len(self._frames)), range(self._planes)):
            index = (plane * self._rows + row) * self._columns + column
            stream = self._stream(frame, index)
            if not stream:
                return None
            planes.append(self._decode(self._segment(frame, index, stream)))
        return planes[0] if len(planes) == 1 else np.concatenate(planes, axis=2)

    def _stream(self, frame: int, index: int) -> bytes:
        """The bytes of one tile; none where it is missing."""
        page = self._frames[frame]
        offset, count = page.dataoffsets[index], page.databytecounts[index]
        if not offset or not count:
            return b""
        return self._files.read(page.parent.filehandle, offset, count)

    def _segment(self, frame: int, index: int, stream: bytes) -> Segment:
        tables = {}
        if self._page.compression in JPEG:
            tables = {
                "jpegtables": self._frames[frame].jpegtables,
                "jpegheader": self._page.jpegheader,
            }
        return Segment(stream, index, self._tile, tables)

    def _of_finer(self, top: int, bottom: int, left: int, right: int) -> NDArray[np.uint8]:
        """A rectangle as the finer level shows it, averaged; white where it has nothing."""
        size = right - left, bottom - top
        pixels = np.full((size[1], size[0], 3), _GLASS, np.uint8)
        if self._finer is None:
            return pixels
        finer, down = self._finer
        rows, columns = finer.shape[:2]
        right, bottom = min(right, floor(columns / down)), min(bottom, floor(rows / down))
        if left >= right or top >= bottom:
            return pixels
        box = (left * down, top * down, right * down, bottom * down)
        part = averaged(finer, box, (right - left, bottom - top))
        pixels[: bottom - top, : right - left] = part
        return pixels


def _segments(frame: Any) -> Iterator[tuple[int, int]]:
    """Offset and size of each tile or strip of a page."""
    return zip(frame.dataoffsets, frame.databytecounts, strict=False)


def _parts(side: int, part: int) -> int:
    return -(-side // part)
