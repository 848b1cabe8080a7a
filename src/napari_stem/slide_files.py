"""Image files as levels: lazily read pyramids of tiled TIFFs, decoded flat images."""

from __future__ import annotations

import re
import threading
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import tifffile
import zarr
from numpy.typing import NDArray
from PIL import Image

from napari_stem.errors import SlideUnreadable

# A level below this size draws at once; a flat file is halved until it is reached.
SMALL_ENOUGH = 1500
LARGEST_FLAT = 1_500_000_000  # pixels of an image that must be decoded whole
PLAUSIBLE_MPP = (0.05, 20.0)
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_MICROMETRES = {"µm": 1.0, "um": 1.0, "μm": 1.0, "nm": 1e-3, "mm": 1e3, "cm": 1e4}


class Level(Protocol):
    """(h, w, 3) uint8 that reads what is sliced."""

    @property
    def shape(self) -> tuple[int, ...]: ...  # noqa: D102
    @property
    def dtype(self) -> np.dtype[Any]: ...  # noqa: D102
    def __getitem__(self, key: Any) -> Any: ...


@dataclass(frozen=True, slots=True)
class SlideFile:
    """An opened image file: its levels, largest first, and the scale that its tags state."""

    levels: tuple[Level, ...]
    mpp: float | None = None
    mpp_source: str = "none"
    handle: Any = field(default=None)

    def close(self) -> None:
        """Release the file."""
        if self.handle is not None:
            self.handle.close()


def open_file(path: Path) -> SlideFile:
    """Open an image by its content, whatever its name.

    Raises
    ------
    SlideUnreadable
        The file is damaged, of an unknown format, or not an 8-bit RGB image.
    """
    with _said_of(path):
        with path.open("rb") as file:
            start = file.read(4)
        return _open_tiff(path) if start in _TIFF else _open_flat(path)


@contextmanager
def _said_of(path: Path) -> Iterator[None]:
    """Decoders raise whatever they like: say all of it as one error that names the file."""
    try:
        yield
    except (SlideUnreadable, MemoryError):
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        raise SlideUnreadable(
            f"'{path}' cannot be read as a slide: {reason}. "
            "Is the file complete, and in a supported format (SVS, TIFF, OME-TIFF, JPEG, PNG)?"
        ) from error


def halved_levels(level: Level) -> tuple[Level, ...]:
    """`level` and further ones, each half as large, made when they are first read."""
    levels = [level]
    while max(levels[-1].shape[:2]) > SMALL_ENOUGH:
        levels.append(Halved(levels[-1]))
    return tuple(levels)


class Halved:
    """Means of 2 x 2 pixels of another level, computed when first read and then kept."""

    ndim = 3
    dtype = np.dtype(np.uint8)
    _STRIP = 1024

    def __init__(self, parent: Level) -> None:
        height, width = parent.shape[:2]
        self.shape = (height // 2, width // 2, 3)
        self.size = int(np.prod(self.shape))
        self._parent = parent
        self._lock = threading.Lock()
        self._pixels: NDArray[np.uint8] | None = None

    def __getitem__(self, key: Any) -> NDArray[np.uint8]:
        with self._lock:
            if self._pixels is None:
                self._pixels = self._compute()
        found: NDArray[np.uint8] = self._pixels[key]
        return found

    def _compute(self) -> NDArray[np.uint8]:
        height, width, _ = self.shape
        pixels = np.empty(self.shape, np.uint8)
        for top in range(0, height, self._STRIP):
            bottom = min(top + self._STRIP, height)
            rows = np.asarray(self._parent[2 * top : 2 * bottom, : 2 * width])
            total = rows[::2, ::2].astype(np.uint16)
            for dy, dx in ((0, 1), (1, 0), (1, 1)):
                total += rows[dy::2, dx::2]
            pixels[top:bottom] = (total + 2) >> 2
        return pixels


def _open_flat(path: Path) -> SlideFile:
    with _pixels_allowed(), Image.open(path) as image:
        if image.width * image.height > LARGEST_FLAT:
            raise SlideUnreadable(
                f"'{path}' has {image.width} x {image.height} pixels, too many for a format that "
                "must be decoded whole. Convert it to a tiled, pyramidal TIFF."
            )
        if image.mode in ("I", "F") or image.mode.startswith("I;16"):
            raise SlideUnreadable(f"'{path}' is not RGB: its pixels are of mode {image.mode}.")
        pixels = np.asarray(image.convert("RGB"))
    return SlideFile(halved_levels(pixels))


@contextmanager
def _pixels_allowed() -> Iterator[None]:
    """Pillow's guard against decompression bombs is below the size of common slides."""
    before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, LARGEST_FLAT
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = before


def _open_tiff(path: Path) -> SlideFile:
    tiff = tifffile.TiffFile(path)
    try:
        series = max(tiff.series, key=lambda s: s.size)
        _check_rgb(series, path)
        _check_complete(series, path)
        levels = _tiff_levels(series)
        np.asarray(levels[0][:1, :1])  # a damaged first tile is better found now
        mpp, source = _tiff_mpp(tiff, series)
    except BaseException:
        tiff.close()
        raise
    return SlideFile(levels, mpp, source, tiff)


def _check_rgb(series: Any, path: Path) -> None:
    channels = {"YXS": series.shape[-1], "SYX": series.shape[0]}.get(series.axes)
    if channels not in (3, 4) or series.dtype != np.uint8:
        raise SlideUnreadable(
            f"'{path}' is not RGB: axes {series.axes}, shape {series.shape}, {series.dtype}. "
            "Stem predicts from H&E in 8-bit colour."
        )


def _check_complete(series: Any, path: Path) -> None:
    size = path.stat().st_size
    for page in (level.keyframe for level in series.levels):
        ends = [o + n for o, n in zip(page.dataoffsets, page.databytecounts, strict=False)]
        if max(ends, default=0) > size:
            raise SlideUnreadable(
                f"'{path}' is cut off: its tags point to byte {max(ends)}, the file ends at "
                f"{size}. Copy it again from the scanner."
            )


def _tiff_levels(series: Any) -> tuple[Level, ...]:
    opened = zarr.open(series.aszarr(), mode="r")
    if isinstance(opened, zarr.Array):
        return halved_levels(_rgb(opened))
    arrays = [opened[name] for name in sorted(opened.array_keys(), key=int)]
    return tuple(_rgb(array) for array in arrays if isinstance(array, zarr.Array))


def _rgb(array: Any) -> Level:
    planar = array.shape[2] not in (3, 4)
    return array if array.shape[2] == 3 else _AsRgb(array, planar=planar)  # type: ignore[no-any-return]


class _AsRgb:
    """A level whose channels come first, or that has a fourth one, as (h, w, 3)."""

    ndim = 3
    dtype = np.dtype(np.uint8)

    def __init__(self, level: Any, *, planar: bool) -> None:
        self.shape = (*(level.shape[1:] if planar else level.shape[:2]), 3)
        self.size = int(np.prod(self.shape))
        self._level = level
        self._planar = planar

    def __getitem__(self, key: Any) -> NDArray[np.uint8]:
        rows_columns = key[:2] if isinstance(key, tuple) else (key,)
        if self._planar:
            return np.moveaxis(np.asarray(self._level[:3, *rows_columns]), 0, -1)
        return np.asarray(self._level[*rows_columns])[..., :3]


def _tiff_mpp(tiff: tifffile.TiffFile, series: Any) -> tuple[float | None, str]:
    """The first plausible scale among the vendor's description, OME metadata and TIFF tags."""
    page = series.keyframe
    candidates = (
        (_aperio_mpp(page.description), "Aperio description"),
        (_ome_mpp(tiff.ome_metadata), "OME metadata"),
        (_tag_mpp(page), "resolution tag"),
    )
    for mpp, source in candidates:
        if mpp is not None and PLAUSIBLE_MPP[0] <= mpp <= PLAUSIBLE_MPP[1]:
            return mpp, source
    return None, "none"


def _aperio_mpp(description: str) -> float | None:
    found = re.search(r"\|\s*MPP\s*=\s*([\d.]+)", description or "")
    return float(found[1]) if found else None


def _ome_mpp(metadata: str | None) -> float | None:
    if not metadata:
        return None
    pixels = ET.fromstring(metadata).find(".//{*}Pixels")
    if pixels is None or "PhysicalSizeX" not in pixels.attrib:
        return None
    unit = _MICROMETRES.get(pixels.get("PhysicalSizeXUnit", "µm"))
    return float(pixels.attrib["PhysicalSizeX"]) * unit if unit else None


def _tag_mpp(page: Any) -> float | None:
    micrometres = {2: 25_400.0, 3: 10_000.0}.get(int(page.resolutionunit or 0))
    resolution = page.resolution[0] if page.resolution else 0
    return micrometres / resolution if micrometres and resolution > 0 else None
