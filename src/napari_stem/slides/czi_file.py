"""What a CZI file holds: its tiles, their pixels, and the scale that its metadata state.

A file is a list of segments, of which a directory names the tiles with their places and levels.
Source: Zeiss, "ZISRAW (CZI) File Format". Zeiss's own library, pylibCZIrw, is what tests compare
with: it ends the process at some damaged files (6.1), which a window must survive.
"""

from __future__ import annotations

import struct
import threading
import xml.etree.ElementTree as ET
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from napari_stem.slides.colour import Colours, brightest_of, used_bits
from napari_stem.slides.mpp import Stated, number

DEPTHS: dict[int, np.dtype[Any]] = {3: np.dtype(np.uint8), 4: np.dtype("<u2")}  # BGR24, BGR48
_PLAIN, _JPEG_XR, _ZSTD, _ZSTD_PACKED = 0, 4, 5, 6
COMPRESSIONS = (_PLAIN, _JPEG_XR, _ZSTD, _ZSTD_PACKED)

_SEGMENT = struct.Struct("<16sqq")  # name, allocated and used size; its own content follows
_FILE = struct.Struct("<16x16s16siqq")  # both GUIDs, part, directory, metadata
_COUNT = struct.Struct("<i")
_ENTRY = struct.Struct("<2siqii6xi")  # "DV", pixel type, place, part, compression, dimensions
_DIMENSION = struct.Struct("<4sii4xi")  # name, start, size, stored size
_SUBBLOCK = struct.Struct("<iiq")  # sizes of metadata, attachment, data
_DIRECTORY_HEAD, _HEAD = 128, 256  # bytes before the entries, before XML or a tile's own rest
_LOOKED_AT = 16  # tiles that tell how deep samples are
_HELD = 1 << 29  # bytes of decoded tiles: a row of them across a slide


@dataclass(frozen=True, slots=True)
class Tile:
    """A tile of a level.

    Attributes
    ----------
    x, y
        Its corner in level-0 pixels, which may lie left of or above zero.
    width, height
        In pixels of its level.
    down
        Level-0 pixels a pixel.
    order
        Tiles of a higher one lie above.
    plane
        Where it is in the other dimensions: focus, time, channel and the like.
    place
        Of its segment in the file.
    """

    x: int
    y: int
    width: int
    height: int
    down: int
    scene: int
    order: int
    plane: tuple[tuple[str, int], ...]
    place: int
    pixel_type: int
    compression: int


class CziFile:
    """An open file, read by several threads; the tiles that were decoded last are held."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._size = size
        self._held: OrderedDict[int, NDArray[np.uint8]] = OrderedDict()
        self._lock = threading.Lock()
        self._colours = Colours()
        primary, own, part, self._directory, self._metadata = self._unpack(_FILE, _SEGMENT.size)
        self.identity: str = own.hex()
        self.is_part = bool(part or primary != own)

    def close(self) -> None:
        """Release the file."""
        self._file.close()

    def tiles(self) -> list[Tile]:
        """All tiles of all levels."""
        name, allocated, used = self._unpack(_SEGMENT, self._directory)
        if name.rstrip(b"\0") != b"ZISRAWDIRECTORY":
            raise ValueError("the tile directory is not where the header says")
        entries = self._read(self._directory + _SEGMENT.size, used or allocated)
        (count,) = _COUNT.unpack_from(entries)
        found, at = [], _DIRECTORY_HEAD
        for _ in range(count):
            schema, pixel_type, place, _, compression, n = _ENTRY.unpack_from(entries, at)
            if schema != b"DV" or n < 0:
                raise ValueError("the tile directory is damaged")
            first, at = at + _ENTRY.size, at + _ENTRY.size + n * _DIMENSION.size
            dimensions = {}
            for start in range(first, at, _DIMENSION.size):
                axis, *numbers = _DIMENSION.unpack_from(entries, start)
                dimensions[axis.rstrip(b"\0").decode("ascii")] = numbers
            found.append(_tile(dimensions, place, pixel_type, compression))
        return found

    def stated(self) -> Stated | None:
        """The scale of the metadata, which state it in metres."""
        try:
            (size,) = self._unpack(_COUNT, self._metadata + _SEGMENT.size)
            about = ET.fromstring(self._read(self._metadata + _SEGMENT.size + _HEAD, size))
            x, y = (
                number(about.findtext(f".//Scaling/Items/Distance[@Id='{axis}']/Value")) * 1e6
                for axis in "XY"
            )
        except (ET.ParseError, struct.error):
            return None  # a slide is worth reading without its metadata
        return Stated(x, y, "CZI metadata")

    def take_depth(self, tiles: Sequence[Tile]) -> str:
        """Find how many of 16 bits some tiles use, and what to tell of that; "" for 8 bits."""
        deep = [tile for tile in tiles if DEPTHS[tile.pixel_type].itemsize > 1]
        if not deep:
            return ""
        some = deep[:: -(-len(deep) // _LOOKED_AT)]
        bits, note = used_bits(max(brightest_of(self._samples(tile)) for tile in some))
        self._colours = Colours(bits=bits)
        return note

    def pixels(self, tile: Tile) -> NDArray[np.uint8]:
        """(height, width, 3) RGB of a tile."""
        with self._lock:
            if (held := self._held.get(tile.place)) is not None:
                self._held.move_to_end(tile.place)
                return held
        found = self._colours.rgb(self._samples(tile))
        with self._lock:
            self._held[tile.place] = found
            while len(self._held) > 1 and sum(one.nbytes for one in self._held.values()) > _HELD:
                self._held.popitem(last=False)
        return found

    def _samples(self, tile: Tile) -> NDArray[Any]:
        start = tile.place + _SEGMENT.size
        about, _, size = self._unpack(_SUBBLOCK, start)
        *_, n = self._unpack(_ENTRY, start + _SUBBLOCK.size)
        head = max(_HEAD, _SUBBLOCK.size + _ENTRY.size + n * _DIMENSION.size)
        data = self._read(start + head + about, size)
        shape, depth = (tile.height, tile.width, 3), DEPTHS[tile.pixel_type]
        if tile.compression == _JPEG_XR:
            return np.asarray(imagecodecs.jpegxr_decode(data, out=np.empty(shape, depth)))  # RGB
        if tile.compression != _PLAIN:
            data = _unpacked(data, tile, int(np.prod(shape)) * depth.itemsize)
        return np.frombuffer(data, depth).reshape(shape)[..., ::-1]

    def _read(self, start: int, length: int) -> bytes:
        """As many bytes as there are."""
        with self._lock:
            self._file.seek(start)
            return self._file.read(max(0, min(length, self._size - start)))

    def _unpack(self, layout: struct.Struct, start: int) -> tuple[Any, ...]:
        return layout.unpack(self._read(start, layout.size))


def _tile(dimensions: dict[str, list[int]], place: int, pixel_type: int, compression: int) -> Tile:
    (x, across, width), (y, along, height) = dimensions.pop("X"), dimensions.pop("Y")
    scene, order = (dimensions.pop(name, [0])[0] for name in ("S", "M"))
    if min(width, height) < 1:
        raise ValueError(f"a tile declares {width} x {height} px")
    covered, stored = max((across, width), (along, height))  # the longer side tells more
    return Tile(
        x, y, width, height,
        down=max(1, round(covered / stored)),
        scene=scene,
        order=order,
        plane=tuple(sorted((name, start) for name, (start, *_) in dimensions.items())),
        place=place,
        pixel_type=pixel_type,
        compression=compression,
    )  # fmt: skip


def _unpacked(data: bytes, tile: Tile, size: int) -> bytes:
    """Bytes of pixels; zstd may have the low and the high bytes of all pixels apart."""
    apart = False
    if tile.compression == _ZSTD_PACKED:
        head = data[0]
        apart = head > 1 and bool(data[2] & 1)
        data = data[head:]
    found = bytes(imagecodecs.zstd_decode(data, out=size))
    return np.frombuffer(found, np.uint8).reshape(2, -1).T.tobytes() if apart else found
