"""Small TIFFs with what the field's programs do: odd colours, missing tiles, padded levels."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

# ITU-T T.871: Y, Cb and Cr of red, green and blue.
_YCBCR = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])
APERIO = "Aperio Image Library v11.2.1\r\n{w}x{h} [0,0 {w}x{h}] (256x256) JPEG/RGB Q=70|AppMag = 20"


def stained(height: int = 320, width: int = 448) -> np.ndarray:
    """White glass with a pink, textured piece right of and below the middle."""
    y, x = np.mgrid[:height, :width]
    inside = ((x - 0.62 * width) / (0.3 * width)) ** 2 + (
        (y - 0.58 * height) / (0.33 * height)
    ) ** 2 < 1
    rng = np.random.default_rng(3)
    blobs = rng.normal(0, 12, (height // 8 + 1, width // 8 + 1))
    noise = np.kron(blobs, np.ones((8, 8)))[:height, :width]
    pink = np.stack([205 + noise, 120 + 1.5 * noise + 10 * np.sin(x / 40), 175 + noise], axis=-1)
    return np.where(inside[..., None], pink, 244).clip(0, 255).astype(np.uint8)


def halved(image: np.ndarray) -> np.ndarray:
    """Means of 2 x 2 pixels."""
    height, width = image.shape[0] // 2 * 2, image.shape[1] // 2 * 2
    squares = image[:height, :width].reshape(height // 2, 2, width // 2, 2, -1)
    return squares.mean(axis=(1, 3)).round().astype(np.uint8)


def as_ycbcr(rgb: np.ndarray) -> np.ndarray:
    ycbcr = rgb.astype(float) @ _YCBCR.T + [0, 128, 128]
    return ycbcr.round().clip(0, 255).astype(np.uint8)


def tiles_of(image: np.ndarray, side: int) -> Iterator[np.ndarray]:
    """Row by row; those at the border repeat the last pixels."""
    height, width = image.shape[:2]
    padded = np.pad(image, ((0, -height % side), (0, -width % side), (0, 0)), mode="edge")
    for y in range(0, height, side):
        for x in range(0, width, side):
            yield np.ascontiguousarray(padded[y : y + side, x : x + side])


def write_aperio(
    path: Path, *levels: np.ndarray, compression: str = "jpeg", side: int = 128
) -> None:
    """The levels of a slide of 0.5 um a pixel, behind the first a thumbnail."""
    about = APERIO.format(h=levels[0].shape[0], w=levels[0].shape[1])
    with tifffile.TiffWriter(path) as tiff:
        for number, level in enumerate(levels):
            tiff.write(
                level, photometric="rgb", tile=(side, side), compression=compression,
                description=about + "|MPP = 0.5", metadata=None,
            )  # fmt: skip
            if number == 0:
                tiff.write(level[::6, ::6], photometric="rgb", rowsperstrip=16, metadata=None)


def write_encoded(
    path: Path,
    image: np.ndarray,
    encode: Callable[[np.ndarray], bytes],
    *,
    compression: int,
    side: int = 64,
    **options: Any,
) -> None:
    """Tiles of an image as `encode` makes them, under the tag of any compression."""  # fmt: skip
    tifffile.imwrite(
        path, (encode(tile) for tile in tiles_of(image, side)), shape=image.shape,
        dtype=image.dtype, tile=(side, side), photometric="rgb", compression=34712,
        metadata=None, **options,
    )  # fmt: skip
    retag(path, Compression=compression)


def retag(path: Path, page: int = 0, **tags: int | tuple[int, int]) -> None:
    """Write other short numbers into tags of a page, one or two each."""
    with tifffile.TiffFile(path) as tiff:
        places = {name: tiff.pages[page].tags[name].valueoffset for name in tags}
    with path.open("r+b") as file:
        for name, value in tags.items():
            file.seek(places[name])
            numbers = value if isinstance(value, tuple) else (value,)
            file.write(struct.pack(f"<{len(numbers)}H", *numbers))


def lose_tiles(path: Path, numbers: Sequence[int], page: int = 0) -> None:
    """Give tiles or strips of a page no place and no bytes."""
    kind = "Tile" if (pages := _pages(path))[page].is_tiled else "Strip"
    with path.open("r+b") as file:
        for name in (f"{kind}Offsets", f"{kind}ByteCounts"):
            tag = pages[page].tags[name]
            size = tag.dtype_size if hasattr(tag, "dtype_size") else {3: 2, 4: 4, 16: 8}[tag.dtype]
            for number in numbers:
                file.seek(tag.valueoffset + number * size)
                file.write(bytes(size))


def _pages(path: Path) -> list[Any]:
    with tifffile.TiffFile(path) as tiff:
        return list(tiff.pages)
