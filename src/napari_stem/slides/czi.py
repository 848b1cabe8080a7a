"""Zeiss's CZI slides, in the compressions that brightfield scanners write."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_stem.errors import SlideUnreadable
from napari_stem.slides.czi_file import COMPRESSIONS, DEPTHS, CziFile, Tile
from napari_stem.slides.mpp import choose_mpp
from napari_stem.slides.pyramid import Sliced, SlideFile

MAGIC = b"ZISRAWFILE"
_LARGEST = 4_000_000  # pixels of a side
_PLANES = {"Z": "focal planes", "T": "times", "C": "channels"}
_LARGEST_TILE = 100_000_000  # pixels


def open_czi(path: Path) -> SlideFile:
    """Open a CZI slide; of several focal planes, times or channels the first one.

    Raises
    ------
    SlideUnreadable
        It is not RGB, lies in several files, or is compressed in a way that is not known.
    """
    file = path.open("rb")
    try:
        return _open(CziFile(file, path.stat().st_size), path)
    except BaseException:
        file.close()
        raise


def _open(file: CziFile, path: Path) -> SlideFile:
    if file.is_part:
        raise SlideUnreadable(
            "This is one part of a slide in several files, which is not supported. Export "
            f"the slide from ZEN as one file. File: '{path}'."
        )
    every = file.tiles()
    first = min((tile.plane for tile in every), default=())
    tiles = [tile for tile in every if tile.plane == first]
    full = [tile for tile in tiles if tile.down == 1]
    if not full:
        raise SlideUnreadable(
            "The file has no tile at full resolution, so it is incomplete. Get it again from "
            f"its source. File: '{path}'."
        )
    for tile in tiles:
        _check(tile, path)
    left, top = min(tile.x for tile in full), min(tile.y for tile in full)
    width = max(tile.x + tile.width for tile in full) - left
    height = max(tile.y + tile.height for tile in full) - top
    if max(width, height) > _LARGEST:
        raise SlideUnreadable(
            f"The file declares an image of {width} x {height} px, which is implausible for a "
            f"scan. Check the file. File: '{path}'."
        )
    levels = tuple(
        CziLevel(
            file,
            [tile for tile in tiles if tile.down == down],
            origin=(left, top),
            height=max(1, height // down),
            width=max(1, width // down),
        )
        for down in _downsamples(tiles)
    )
    notes = tuple(filter(None, (*_left_out(every), file.take_depth(full))))
    levels[0][full[0].y - top, full[0].x - left]  # damage is better found now
    scale = choose_mpp([file.stated()])
    return SlideFile(levels, scale, file.identity, handle=file, notes=notes)


def _left_out(tiles: Sequence[Tile]) -> Iterator[str]:
    for axis, name in _PLANES.items():
        count = len({place for tile in tiles for one, place in tile.plane if one == axis})
        if count > 1:
            yield f"Of {count} {name} the first is shown."


def _check(tile: Tile, path: Path) -> None:
    if tile.pixel_type not in DEPTHS:
        raise SlideUnreadable(
            f"The image is not RGB: its CZI pixel type is {tile.pixel_type}. Fluorescence "
            f"is not supported; open the H&E image. File: '{path}'."
        )
    if tile.compression not in COMPRESSIONS:
        raise SlideUnreadable(
            f"CZI compression {tile.compression} is not supported; none, zstd and JPEG XR "
            f"are. Export the slide from ZEN with one of these. File: '{path}'."
        )
    if tile.width * tile.height > _LARGEST_TILE:
        raise SlideUnreadable(
            f"The file has a tile of {tile.width} x {tile.height} px; at most "
            f"{_LARGEST_TILE:,} pixels are supported. Export the slide from ZEN with "
            f"smaller tiles. File: '{path}'."
        )


def _downsamples(tiles: Sequence[Tile]) -> list[int]:
    """Of the levels that all scenes have, where these are stored at different depths."""
    coarsest: dict[int, int] = {}
    for tile in tiles:
        coarsest[tile.scene] = max(tile.down, coarsest.get(tile.scene, 1))
    return sorted({tile.down for tile in tiles if tile.down <= min(coarsest.values())})


class CziLevel(Sliced):
    """Tiles of one level, those of a higher order above; what was not scanned is white."""

    def __init__(
        self, file: CziFile, tiles: Sequence[Tile], *, origin: tuple[int, int],
        height: int, width: int,
    ) -> None:  # fmt: skip
        super().__init__(height, width)
        self._file = file
        self._tiles = sorted(tiles, key=lambda tile: tile.order)
        corners = [
            ((tile.x - origin[0]) // tile.down, (tile.y - origin[1]) // tile.down)
            for tile in self._tiles
        ]
        sizes = [(tile.width, tile.height) for tile in self._tiles]
        self._starts = np.array(corners)
        self._ends = self._starts + np.array(sizes)

    def read(self, top: int, bottom: int, left: int, right: int) -> NDArray[np.uint8]:
        """A rectangle, put together from the tiles that it touches."""
        pixels = np.full((bottom - top, right - left, 3), 255, np.uint8)
        touched = (self._starts < (right, bottom)) & (self._ends > (left, top))
        for number in np.flatnonzero(touched.all(axis=1)):
            x, y = self._starts[number]
            part = self._file.pixels(self._tiles[number])
            part = part[max(top - y, 0) : bottom - y, max(left - x, 0) : right - x]
            there = pixels[max(y - top, 0) :, max(x - left, 0) :]
            there[: part.shape[0], : part.shape[1]] = part
        return pixels
