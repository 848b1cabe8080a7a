"""JPEG, PNG and other images that must be decoded whole."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from napari_stem.errors import SlideUnreadable
from napari_stem.slides.colour import over_white
from napari_stem.slides.pyramid import SlideFile

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LARGEST = 1_000_000_000  # pixels, 3 GB
_SUSPICIOUS = 50_000_000  # pixels from which on a picture must have
_MOST_PER_BYTE = 250  # pixels a byte of its file; scans of tissue have below 50
_OTHER = ("1", "L", "LA", "La", "I", "F", "CMYK", "LAB", "HSV")  # colourless, or printers'
_ORIENTATION = 274  # the tag of TIFF and EXIF
_STRIP = 256  # rows
_PILLOW_LIMIT = threading.Lock()


def open_flat(path: Path) -> SlideFile:
    """Decode a picture. Its resolution is a printer's or a screen's, and no scale.

    Raises
    ------
    SlideUnreadable
        It is too large, or not RGB.
    """
    with _open_image(path) as image:
        check_flat(path, image.height, image.width)
        if image.mode in _OTHER or image.mode.startswith("I;16"):
            raise SlideUnreadable(
                f"The image is not RGB: its mode is {image.mode}. File: '{path}'."
            )
        pixels = over_white(_pixels(image, "RGBA" if image.has_transparency_data else "RGB"))
        notes = orientation_notes(image.getexif().get(_ORIENTATION))
    return SlideFile((pixels,), notes=notes)


def check_flat(path: Path, height: int, width: int) -> None:
    """Raise if a picture that must be decoded whole would not fit into memory."""
    if height * width > _LARGEST:
        raise SlideUnreadable(
            f"The image has {width} x {height} px and can only be decoded whole, which is "
            f"limited to {_LARGEST:,} pixels. Convert it to a tiled, pyramidal TIFF. File: "
            f"'{path}'."
        )
    size = path.stat().st_size
    if height * width > max(_SUSPICIOUS, size * _MOST_PER_BYTE):
        raise SlideUnreadable(
            f"The file declares {width} x {height} px in only {size:,} bytes: it is "
            f"damaged, or not an image of tissue. File: '{path}'."
        )


def orientation_notes(tag: object) -> tuple[str, ...]:
    """What to tell of a tag that asks viewers to turn or mirror an image; positions do not."""
    if tag in (None, 0, 1):
        return ()
    note = "The file asks viewers to turn or mirror the image. It is shown as it is stored."
    return (f"{note} If spots lie elsewhere, store it turned.",)


def _pixels(image: Image.Image, mode: str) -> NDArray[np.uint8]:
    """(h, w, channels of the mode), strip by strip: Pillow converts by several copies."""
    pixels = np.empty((image.height, image.width, len(mode)), np.uint8)
    for top in range(0, image.height, _STRIP):
        rows = pixels[top : top + _STRIP]
        box = (0, top, image.width, top + len(rows))
        rows[:] = np.asarray(image.crop(box).convert(mode))
    return pixels


def _open_image(path: Path) -> Image.Image:
    """Pillow refuses images of the size of common slides; `check_flat` stands in for it."""
    with _PILLOW_LIMIT:
        before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            return Image.open(path)
        finally:
            Image.MAX_IMAGE_PIXELS = before
