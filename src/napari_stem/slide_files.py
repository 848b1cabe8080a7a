"""Image files as levels: lazily read pyramids of tiled TIFFs, decoded flat images."""

from __future__ import annotations

import logging
import re
import threading
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
import zarr
from PIL import Image
from tifffile import COMPRESSION, PHOTOMETRIC

from napari_stem.errors import SlideUnreadable
from napari_stem.slide_levels import Converted, Level, over_white, with_overviews

# A damaged file is said in one error; without a handler its every symptom would go to stderr.
tifffile.logger().addHandler(logging.NullHandler())

LARGEST_FLAT = 1_000_000_000  # pixels of an image that must be decoded whole, 3 GB
PLAUSIBLE_MPP = (0.05, 20.0)
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_COLOURLESS = ("1", "L", "LA", "La", "I", "F")
_PILLOW_LIMIT = threading.Lock()
_MICROMETRES = {"µm": 1.0, "um": 1.0, "μm": 1.0, "nm": 1e-3, "mm": 1e3, "cm": 1e4}


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


def _open_flat(path: Path) -> SlideFile:
    with _open_image(path) as image:
        _check_size(path, image.height, image.width)
        if image.mode in _COLOURLESS or image.mode.startswith("I;16"):
            raise SlideUnreadable(f"'{path}' is not RGB: its pixels are of mode {image.mode}.")
        mode = "RGBA" if image.has_transparency_data else "RGB"
        pixels = over_white(np.asarray(image.convert(mode)))
    return SlideFile(with_overviews((pixels,)))


def _open_image(path: Path) -> Image.Image:
    """Pillow refuses images of the size of common slides; `_check_size` stands in for it."""
    with _PILLOW_LIMIT:
        before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            return Image.open(path)
        finally:
            Image.MAX_IMAGE_PIXELS = before


def _check_size(path: Path, height: int, width: int) -> None:
    if height * width > LARGEST_FLAT:
        raise SlideUnreadable(
            f"'{path}' has {width} x {height} pixels in a layout that must be decoded whole; at "
            f"most {LARGEST_FLAT:,} can be. Convert it to a tiled, pyramidal TIFF."
        )


def _open_tiff(path: Path) -> SlideFile:
    tiff = tifffile.TiffFile(path)
    try:
        series = max(tiff.series, key=lambda s: s.size)
        _check_rgb(series, path)
        _check_complete(series, path)
        levels = with_overviews(tuple(_tiff_levels(series, path)))
        np.asarray(levels[0][:1, :1])  # a damaged first tile is better found now
        mpp, source = _tiff_mpp(tiff, series)
    except BaseException:
        tiff.close()
        raise
    return SlideFile(levels, mpp, source, tiff)


def _check_rgb(series: Any, path: Path) -> None:
    page = series.keyframe
    channels = {"YXS": series.shape[-1], "SYX": series.shape[0]}.get(series.axes)
    colours = page.photometric in (PHOTOMETRIC.RGB, PHOTOMETRIC.YCBCR)
    if channels not in (3, 4) or not colours or series.dtype != np.uint8:
        raise SlideUnreadable(
            f"'{path}' is not RGB: axes {series.axes}, shape {series.shape}, {series.dtype}, "
            f"{PHOTOMETRIC(page.photometric).name}. Stem predicts from H&E in 8-bit colour."
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


def _tiff_levels(series: Any, path: Path) -> Iterator[Level]:
    """Tiles are read when they are asked for; strips, as a JPEG, are decoded now."""
    for number, page in enumerate(level.keyframe for level in series.levels):
        if page.is_tiled:
            pixels = zarr.open_array(series.aszarr(level=number), mode="r")
        else:
            _check_size(path, page.imagelength, page.imagewidth)
            pixels = series.asarray(level=number)
        planar, ycbcr = series.axes == "SYX", _is_ycbcr(page)
        plain = not planar and not ycbcr and pixels.shape[2] == 3
        yield pixels if plain else Converted(pixels, planar=planar, ycbcr=ycbcr)


def _is_ycbcr(page: Any) -> bool:
    """Whether pixels are decoded to YCbCr; tifffile turns those of JPEG into RGB."""
    if page.compression == COMPRESSION.APERIO_JP2000_YCBC:
        return True
    lossless = page.compression in (COMPRESSION.NONE, COMPRESSION.LZW, COMPRESSION.ADOBE_DEFLATE)
    return lossless and page.photometric == PHOTOMETRIC.YCBCR


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
    found = re.search(r"\|\s*MPP\s*=\s*(\d*\.?\d+)", description or "")
    return float(found[1]) if found else None


def _ome_mpp(metadata: str | None) -> float | None:
    try:
        pixels = ET.fromstring(metadata or "<none/>").find(".//{*}Pixels")
        size = float(pixels.attrib["PhysicalSizeX"]) if pixels is not None else 0.0
    except (ET.ParseError, LookupError, ValueError):
        return None  # a slide is worth reading without its metadata
    unit = _MICROMETRES.get(pixels.get("PhysicalSizeXUnit", "µm")) if pixels is not None else None
    return size * unit if unit else None


def _tag_mpp(page: Any) -> float | None:
    micrometres = {2: 25_400.0, 3: 10_000.0}.get(int(page.resolutionunit or 0))
    resolution = page.resolution[0] if page.resolution else 0
    return micrometres / resolution if micrometres and resolution > 0 else None
