"""Areas of a slide that are not usable tissue: pen marks and blur."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from napari_stem.errors import SlideUnreadable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_stem.slides.slide import Slide

INKS = ("blue ink", "green ink", "black ink")
BLUR = "out of focus"
_FAINT = 0.2  # optical density of red light that ink has at least
_RED_OVER_GREEN = 0.12  # by which ink absorbs more red than green; H&E absorbs green the most
_BLACK = 0.6  # optical density of every colour in black ink
_GREY = 0.75  # of its green, the share that black ink absorbs of blue; H&E absorbs about half
_SITE = 192  # side in pixels of a square in which sharpness is measured
_SITE_MPP = 1.0  # micrometres each, or coarser
_SITES = 250  # squares, about, at most
# Sharpness relative to the slide's own below which tissue is blurred. Measured on three slides:
# tissue in focus has 0.74 to 1.5, blurred by 2, 4 and 8 pixels (of 0.7 µm) 0.4, 0.22 and 0.15.
_BLURRED = 0.4
_FEWEST = 9  # squares needed to know how sharp a slide is
_NEIGHBOURS = 0.5  # share of neighbouring squares that must agree


@dataclass(frozen=True, slots=True)
class Excluded:
    """A reason to exclude an area from tissue, and its share of the slide."""

    reason: str
    share: float

    def __str__(self) -> str:
        return f"{self.reason} ({100 * self.share:.2g} %)"


def find_ink(
    rgb: NDArray[np.uint8], background: NDArray[np.float64]
) -> dict[str, NDArray[np.bool_]]:
    """Where an overview shows pen marks, by their colour.

    Haematoxylin and eosin absorb green light the most. Blue and green ink absorb red the most,
    black ink all alike.

    Parameters
    ----------
    background
        RGB of bare glass.
    """
    smooth = ndimage.gaussian_filter(rgb.astype(np.float32), (1, 1, 0))
    red, green, blue = np.moveaxis(-np.log10((smooth + 1) / (background + 1)), -1, 0)
    coloured = (red > _FAINT) & (red - green > _RED_OVER_GREEN)
    darkest = np.minimum(np.minimum(red, green), blue)
    black = (darkest > _BLACK) & (blue > _GREY * green) & ~coloured
    return dict(
        zip(INKS, (coloured & (blue < green), coloured & (blue >= green), black), strict=True)
    )


def find_blur(slide: Slide, mask: NDArray[np.bool_], downsample: float) -> NDArray[np.bool_]:
    """Where tissue is out of focus, relative to the rest of its slide.

    Sharpness is the strength of the finest structure relative to that of twice as coarse structure,
    which neither stain nor cell density change much.

    Parameters
    ----------
    mask
        (h, w) tissue, each pixel `downsample` level-0 pixels wide.
    """
    fine = [i for i, d in enumerate(slide.downsamples) if d * (slide.mpp or 0.5) <= _SITE_MPP]
    level = fine[-1] if fine else 0
    step = max(_SITE * slide.downsamples[level], np.sqrt(mask.sum() * downsample**2 / _SITES))
    rows, columns = (
        (np.arange(step / 2, side * downsample, step) / downsample).astype(int)
        for side in mask.shape
    )
    sharpness = np.full((len(rows), len(columns)), np.nan)
    for i, row in enumerate(rows):
        for j, column in enumerate(columns):
            if mask[row, column]:
                sharpness[i, j] = _sharpness(slide, level, row * downsample, column * downsample)
    if np.isfinite(sharpness).sum() < _FEWEST:
        return np.zeros_like(mask)
    blurred = sharpness < _BLURRED * np.nanmedian(sharpness)
    known = ndimage.uniform_filter(np.isfinite(sharpness).astype(float), 3)
    agreeing = ndimage.uniform_filter(blurred.astype(float), 3) / np.maximum(known, 1e-9)
    blurred &= agreeing >= _NEIGHBOURS
    nearest = [
        np.minimum((np.arange(side) * downsample / step).astype(int), len(places) - 1)
        for side, places in zip(mask.shape, (rows, columns), strict=True)
    ]
    return np.asarray(blurred[np.ix_(*nearest)] & mask)


def _sharpness(slide: Slide, level: int, y: float, x: float) -> float:
    """Energy of structure of one pixel over that of two pixels, in a square around a point."""
    down = slide.downsamples[level]
    height, width = slide.levels[level].shape[:2]
    left, top = (  # within the slide, whose border would look sharp
        max(0, min(int(place / down) - _SITE // 2, side - _SITE))
        for place, side in ((x, width), (y, height))
    )
    try:
        green = slide.read_region(left, top, _SITE, _SITE, level)[..., 1].astype(np.float32)
    except SlideUnreadable:  # damage there is reported when these pixels are needed
        return np.nan
    smooth = ndimage.gaussian_filter(green, 1)
    smoother = ndimage.gaussian_filter(green, 2)
    coarsest = ndimage.gaussian_filter(green, 4)
    return float((smooth - smoother).var() / ((smoother - coarsest).var() + 0.1))
