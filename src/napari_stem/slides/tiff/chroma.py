"""Decoding one tile of a TIFF, also where its chroma is halved outside of JPEG.

tifffile reads halved chroma from JPEG alone. TIFF 6.0, section 21, describes the other order: for
each block of pixels their luminances, then one Cb and one Cr. Aperio's compression 33007 holds bare
YUYV: two luminances with a Cb between them and a Cr behind.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from tifffile import COMPRESSION, TIFF

from napari_stem.slides.tiff.colours import JPEG, is_jpeg

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Segment:
    """The bytes of one tile or strip.

    Attributes
    ----------
    index
        Its place among all.
    shape
        Its rows and columns.
    tables
        What the decoder of JPEG needs besides.
    """

    stream: bytes
    index: int
    shape: tuple[int, int]
    tables: dict[str, Any]


Decoder = Callable[[Segment], "NDArray[Any]"]


def decoder_of(page: Any, stream: bytes) -> Decoder:
    """What turns a segment into (h, w, samples), of which an edge may have fewer.

    Parameters
    ----------
    stream
        The content of one segment.
    """
    if page.compression == COMPRESSION.ALT_JPEG and not is_jpeg(stream):
        return _yuyv
    if page.compression not in JPEG and page.planarconfig == 1 and page.is_subsampled:
        if page.compression not in TIFF.IMAGE_COMPRESSIONS:
            blocks = _Blocks(page)
            if not blocks.are_full(stream):
                return blocks
        page.subsampling = (1, 1)  # streams that know their sizes decode to full ones
    decode = page.decode

    def decoded(segment: Segment) -> NDArray[Any]:
        samples, _, _ = decode(segment.stream, segment.index, **segment.tables)
        found: NDArray[Any] = samples[0]
        return found

    return decoded


class _Blocks:
    """Blocks of pixels that share their chroma."""

    def __init__(self, page: Any) -> None:
        self._across, self._down = map(int, page.subsampling or (2, 2))  # the default of TIFF
        self._page = page

    def are_full(self, stream: bytes) -> bool:
        """Whether a segment has a chroma for each pixel, whatever the tags say or leave out."""
        page = self._page
        rows = page.tilelength if page.is_tiled else min(page.rowsperstrip, page.imagelength)
        full = rows * (page.tilewidth or page.imagewidth) * 3
        return not stream or len(self._unpacked(stream)) == full

    def __call__(self, segment: Segment) -> NDArray[np.uint8]:
        height, width = segment.shape
        across, down = self._across, self._down
        content = np.frombuffer(self._unpacked(segment.stream), np.uint8)
        block, columns = across * down + 2, -(-width // across)
        rows = content.size // (columns * block)  # a last strip may have fewer
        blocks = content[: rows * columns * block].reshape(rows, columns, block)
        y = blocks[..., :-2].reshape(rows, columns, down, across).swapaxes(1, 2)
        chroma = blocks[..., -2:].repeat(down, axis=0).repeat(across, axis=1)
        pixels = np.concatenate([y.reshape(*chroma.shape[:2], 1), chroma], axis=2)
        return pixels[:height, :width]

    def _unpacked(self, stream: bytes) -> bytes:
        compression = self._page.compression
        if compression == COMPRESSION.NONE:
            return stream
        return bytes(TIFF.DECOMPRESSORS[compression](stream))


def _yuyv(segment: Segment) -> NDArray[np.uint8]:
    height, width = segment.shape
    pairs = np.frombuffer(segment.stream, np.uint8).reshape(height, width // 2, 4)
    y = pairs[..., ::2].reshape(height, width, 1)
    return np.concatenate([y, pairs[..., 1::2].repeat(2, axis=1)], axis=2)
