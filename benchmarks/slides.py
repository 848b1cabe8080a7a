"""What opening a large slide and moving over it costs, as a pyramid and as a flat TIFF.

    python benchmarks/slides.py [--side 100000] [--folder DIR]

Writes both files (about 300 MB each; JPEG tiles of 512 pixels, tissue on a quarter of them), opens
them, and moves a window of 1280 x 800 over them at three magnifications as napari does: levels are
dask arrays, read where the window is, of which the latest stay in memory.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dask
import dask.array as da
import imagecodecs
import numpy as np
import tifffile
from dask.cache import Cache

from napari_stem.events import finish
from napari_stem.slides.slide import Slide, open_slide
from napari_stem.storage import CACHE_VARIABLE

_TILE = 512
_CHUNK = 1024  # what the slide layer reads at once
_WINDOW = (1280, 800)
_MOVES = 12


class Counted:
    """A level that counts the pixels it is asked for."""

    ndim = 3
    dtype = np.dtype(np.uint8)

    def __init__(self, level: Any) -> None:
        self.shape = level.shape
        self.pixels = 0
        self._level = level

    def __getitem__(self, key: Any) -> Any:
        found = self._level[key]
        self.pixels += found.size // 3
        return found


def jpeg_tiles(side: int) -> Iterator[bytes]:
    """One textured tile over and over, on a quarter of the slide; the rest was not scanned."""
    y, x = np.mgrid[:_TILE, :_TILE]
    noise = np.random.default_rng(0).normal(0, 12, (_TILE, _TILE, 3))
    colours = np.stack([190 + 30 * np.sin(x / 9), 120 + 40 * np.cos(y / 7), 170 + 0 * x], -1)
    tile = imagecodecs.jpeg8_encode((colours + noise).clip(0, 255).astype(np.uint8), level=80)
    n = -(-side // _TILE)
    for row in range(n):
        for column in range(n):
            middle = all(n / 4 <= place < 3 * n / 4 for place in (row, column))
            yield tile if middle or n == 1 else b""


def write(path: Path, side: int, levels: int) -> None:
    with tifffile.TiffWriter(path, bigtiff=True) as tiff:
        for level in range(levels):
            size = side >> level
            tiff.write(
                jpeg_tiles(size),
                shape=(size, size, 3),
                dtype=np.uint8,
                photometric="rgb",
                tile=(_TILE, _TILE),
                compression="jpeg",
                subfiletype=int(level > 0),
                resolution=(40_000, 40_000),
                resolutionunit="CENTIMETER",
                metadata=None,
            )


def timed(name: str, work: Any) -> Any:
    start = time.perf_counter()
    result = work()
    print(f"  {name}: {time.perf_counter() - start:.2f} s")
    return result


def pan(slide: Slide, downsample: int) -> None:
    """Move a window over the middle of the slide, by a tenth of it a time."""
    number = max(i for i, d in enumerate(slide.downsamples) if d <= downsample)
    level = Counted(slide.levels[number])
    image = da.from_array(level, chunks=(_CHUNK, _CHUNK, 3), name=False, meta=np.empty(0, np.uint8))
    width, height = _WINDOW
    top, left = (side // 2 - part // 2 for side, part in zip(level.shape, _WINDOW, strict=False))
    times = []
    for move in range(_MOVES):
        x = max(0, left + move * width // 10)
        start = time.perf_counter()
        image[max(0, top) : top + height, x : x + width].compute(scheduler="single-threaded")
        times.append(1000 * (time.perf_counter() - start))
    tiles = level.pixels / _CHUNK**2
    print(
        f"  {_MOVES} moves at 1/{downsample}: first {times[0]:.0f} ms, median "
        f"{np.median(times[1:]):.0f}, longest {max(times[1:]):.0f}; read {tiles:.0f} chunks of "
        f"{_CHUNK} pixels"
    )


def measure(name: str, path: Path) -> None:
    print(f"{name}, {path.stat().st_size / 1e6:.0f} MB")
    with timed("open", lambda: open_slide(path)) as slide:
        print(f"  levels: {', '.join(str(level.shape[1]) for level in slide.levels)}")
        for downsample in (1, 4, 8):
            pan(slide, downsample)
        timed("overview", lambda: finish(slide.iter_overview()))
        timed("coarsest level", lambda: np.asarray(slide.levels[-1][:]))
    with open_slide(path) as slide:
        timed("overview, opened again", lambda: finish(slide.iter_overview()))
    unit = 1 if sys.platform == "darwin" else 1024
    print(
        f"  most memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6:.0f} MB"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=100_000)
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    Cache(1e9).register()  # napari's own is a tenth of the memory
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        os.environ[CACHE_VARIABLE] = folder  # no overview of an earlier run
        for name, levels in (("pyramid", 8), ("flat", 1)):
            path = Path(folder) / f"{name}.tif"
            timed(f"write {name}", lambda p=path, n=levels: write(p, given.side, n))
            measure(name, path)


if __name__ == "__main__":
    dask.config.set({"array.slicing.split_large_chunks": False})
    main()
