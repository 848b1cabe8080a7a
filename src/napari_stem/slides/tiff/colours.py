"""The colours of a TIFF's samples.

They are decided here alone, of things that may contradict each other: the photometric
interpretation, the compression, the codestream, and the program that wrote the file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from tifffile import COMPRESSION, EXTRASAMPLE, PHOTOMETRIC

from napari_stem.slides.colour import Colours, YCbCr
from napari_stem.slides.tiff.jpeg2000 import decodes_to_rgb, is_transformed

if TYPE_CHECKING:
    from numpy.typing import NDArray

JPEG = (COMPRESSION.OJPEG, COMPRESSION.JPEG, COMPRESSION.JPEG_LOSSY, COMPRESSION.ALT_JPEG)
JPEG_2000 = (
    COMPRESSION.APERIO_JP2000_YCBC, COMPRESSION.APERIO_JP2000_RGB, COMPRESSION.JPEG_2000_LOSSY,
    COMPRESSION.JPEG2000,
)  # fmt: skip
_ALPHA = (EXTRASAMPLE.ASSOCALPHA, EXTRASAMPLE.UNASSALPHA)
_BRIGHTEST = 90  # percentile of brightness from which on pixels are likely glass


def tiff_colours(
    page: Any, stream: bytes, decode: Callable[[], NDArray[Any]], *, aperio: bool
) -> Colours:
    """The colours of a TIFF's page, as its samples come from the decoder.

    Parameters
    ----------
    stream, decode
        The content of one of its tiles, and what makes (h, w, samples) of it.
    aperio
        Whether Aperio's software wrote it; others use some of its compressions in their own way.
    """
    missing = page.samplesperpixel - 3 - len(page.extrasamples)
    extras = (*page.extrasamples, *(EXTRASAMPLE.UNSPECIFIED,) * missing)
    alpha = next((3 + i for i, kind in enumerate(extras) if kind in _ALPHA), None)
    ycbcr, note = _ycbcr(page, stream, decode, aperio=aperio)
    if alpha is None and extras:
        note = f"{note} The file does not say what the samples beyond RGB are. They are ignored."
    premultiplied = alpha is not None and extras[alpha - 3] == EXTRASAMPLE.ASSOCALPHA
    return Colours(ycbcr, alpha, premultiplied, note=note.strip())


def _ycbcr(
    page: Any, stream: bytes, decode: Callable[[], NDArray[Any]], *, aperio: bool
) -> tuple[YCbCr | None, str]:
    """The samples' YCbCr, None if they are RGB; and what a user should know of that."""
    declared = page.photometric == PHOTOMETRIC.YCBCR
    compression = page.compression
    if compression == COMPRESSION.ALT_JPEG and not is_jpeg(stream):
        return YCbCr(), ""  # Aperio's bare YUYV
    if compression in JPEG:
        return (YCbCr() if _is_left_to_us(page, stream) else None), ""
    if compression not in JPEG_2000:
        return (_declared_ycbcr(page) if declared else None), ""
    if aperio:  # whose tags say RGB, whatever the stream holds
        declared = compression == COMPRESSION.APERIO_JP2000_YCBC
    if not declared or decodes_to_rgb(stream):
        return None, ""
    if not is_transformed(stream):
        return YCbCr(), ""
    kind, found = ("YCbCr", YCbCr()) if _is_glass_grey_in_ycbcr(decode()) else ("RGB", None)
    return found, (
        f"The file says YCbCr and its JPEG 2000 stream says RGB. It is read as {kind}, in which "
        "its brightest pixels are closer to grey."
    )


def _is_left_to_us(page: Any, stream: bytes) -> bool:
    """Whether tifffile's decoder leaves a JPEG in YCbCr, of which it makes RGB in most cases.

    It does not of single planes, nor with samples beyond three. Where tags say RGB, it heeds a head
    of JFIF, which is YCbCr, but of the first tile alone, even if that is missing.
    """
    if page.photometric == PHOTOMETRIC.YCBCR:
        return bool(page.planarconfig != 1 or page.samplesperpixel != 3)
    return bool(page.planarconfig == 1 and _is_jfif(stream) and not page.is_jfif)


def _is_jfif(stream: bytes) -> bool:
    return stream[6:10] == b"JFIF"


def _is_glass_grey_in_ycbcr(samples: NDArray[Any]) -> bool:
    """Whether the brightest pixels are closer to grey as YCbCr than as RGB."""
    samples = (samples >> max(0, int(samples.max()).bit_length() - 8)).astype(np.uint8)
    ranges = []
    for rgb in (samples[..., :3], YCbCr().rgb(samples[..., :3])):
        brightness = rgb.sum(axis=2)
        bright = rgb[brightness >= np.percentile(brightness, _BRIGHTEST)].astype(int)
        ranges.append(np.median(np.ptp(bright, axis=1)))
    return bool(ranges[1] < ranges[0])


def is_jpeg(stream: bytes) -> bool:
    """Whether a tile is a JPEG, or would be if it were not empty."""
    return not stream or stream.startswith(b"\xff\xd8")


def _declared_ycbcr(page: Any) -> YCbCr:
    """With the coefficients and the range of codes that the tags state."""
    luma = _numbers(page, "YCbCrCoefficients", 3)
    codes = _numbers(page, "ReferenceBlackWhite", 6)
    found = YCbCr() if luma is None or 0 in luma else YCbCr((luma[0], luma[1], luma[2]))
    if codes is None or any(codes[i] == codes[i + 1] for i in (0, 2, 4)):
        return found
    y, blue, red = (codes[i : i + 2] for i in (0, 2, 4))
    return replace(found, black=(y[0], blue[0], red[0]), white=(y[1], blue[1], red[1]))


def _numbers(page: Any, name: str, count: int) -> tuple[float, ...] | None:
    """What a tag states, as fractions or as they are; None where it is missing or damaged."""
    tag = page.tags.get(name)
    values = () if tag is None else tag.value
    try:
        if len(values) == 2 * count:
            values = tuple(values[i] / values[i + 1] for i in range(0, 2 * count, 2))
        return tuple(map(float, values)) if len(values) == count else None
    except (ArithmeticError, TypeError, ValueError):
        return None
