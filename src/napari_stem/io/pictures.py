"""The small pictures of a slide that Space Ranger draws, and what they tell of its size."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from napari_stem.errors import SlideError
from napari_stem.slides.slide import open_slide

_KINDS = ("hires", "lowres")
_SMALL = re.compile(rf"tissue_({'|'.join(_KINDS)})_image")
_DRAWN = re.compile(
    r"(tissue_(hires|lowres)|detected_tissue|aligned_tissue|cytassist)_image|aligned_fiducials"
)


def is_drawn(image: Path) -> bool:
    """Whether an image bears the name of one that Space Ranger writes, so that it is no slide."""
    return bool(_DRAWN.match(image.name))


def picture_factor(image: Path) -> str:
    """Name of the scale factor at which Space Ranger drew an image; "" for other images."""
    found = _SMALL.fullmatch(image.stem)
    return f"tissue_{found[1]}_scalef" if found else ""


def sized(image: Path) -> str:
    """An image's file name, with its size in pixels."""
    try:
        with open_slide(image) as slide:
            return f"{image.name} ({slide.width:,} x {slide.height:,} px)"
    except SlideError:
        return f"{image.name} (not readable)"


def size_by_files(spatial: Path, factors: Mapping[str, float]) -> tuple[float, float] | None:
    """Size of the image that was measured, by the pictures in a folder and their scale factors."""
    found = {kind: _size_of(spatial / f"tissue_{kind}_image.png") for kind in _KINDS}
    return _full_size({kind: size for kind, size in found.items() if size}, factors)


def size_by_arrays(
    pictures: Mapping[str, Any], factors: Mapping[str, float]
) -> tuple[float, float] | None:
    """Size of the image that was measured, by the pictures of a table and their scale factors."""
    shapes = {str(kind): np.shape(picture) for kind, picture in pictures.items()}
    sizes = {kind: (shape[1], shape[0]) for kind, shape in shapes.items() if len(shape) in (2, 3)}
    return _full_size(sizes, factors)


def _full_size(
    sizes: Mapping[str, tuple[int, int]], factors: Mapping[str, float]
) -> tuple[float, float] | None:
    """By the largest picture, whose rounding matters least."""
    known = {kind: factors.get(f"tissue_{kind}_scalef", 0) for kind in sizes}
    kind = max(known, key=lambda kind: known[kind], default="")
    if not known.get(kind, 0) > 0:
        return None
    return sizes[kind][0] / known[kind], sizes[kind][1] / known[kind]


def _size_of(picture: Path) -> tuple[int, int] | None:
    """Width and height; None where there is no such picture, or it cannot be read."""
    try:
        with Image.open(picture) as image:
            return image.size
    except (OSError, ValueError, UnidentifiedImageError, Image.DecompressionBombError):
        return None
