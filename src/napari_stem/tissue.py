"""Where on a slide there is tissue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage
from skimage.color import rgb2lab
from skimage.filters import threshold_otsu
from skimage.morphology import disk

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_stem.slide import Slide

_LONGEST = 1200  # pixels of the overview that is looked at
_SMALLEST = 2e-3  # share of the slide below which a piece is dust or a printed array dot
_PORE = 5e-4  # share of the slide below which a gap (a vessel, fat) counts as tissue


@dataclass(frozen=True, slots=True)
class TissueMask:
    """(h, w) booleans over the whole slide, each `downsample` level-0 pixels wide."""

    mask: NDArray[np.bool_]
    downsample: float

    @property
    def fraction(self) -> float:
        """Share of the slide that is tissue."""
        return float(self.mask.mean())

    def contains(self, xy: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Whether points (n, 2), x and y in level-0 pixels, lie on tissue."""
        columns, rows = (np.asarray(xy) / self.downsample).astype(int).T
        height, width = self.mask.shape
        inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
        found = np.zeros(len(inside), dtype=bool)
        found[inside] = self.mask[rows[inside], columns[inside]]
        return found


def tissue_mask(slide: Slide) -> TissueMask:
    """Find tissue by how far its colour and texture are from the slide's own background.

    A threshold on whiteness fails on tinted backgrounds. Here the background is the commonest
    colour among the brightest fifth of a low-resolution overview, and Otsu's threshold splits
    the distances from it (in CIELAB, smoothed over structure); small pieces are dropped.
    """
    overview, downsample = slide.thumbnail(_LONGEST)
    lab = ndimage.gaussian_filter(rgb2lab(overview).astype(np.float32), (2, 2, 0))
    distance = np.linalg.norm(lab - _background(lab), axis=2)
    texture = ndimage.generic_gradient_magnitude(lab[..., 0], ndimage.sobel)
    score = np.sqrt(distance) + 0.5 * np.sqrt(ndimage.gaussian_filter(texture, 4))
    mask = score > threshold_otsu(score)
    mask = ndimage.binary_opening(mask, disk(3))
    mask = _without_small(mask, _SMALLEST)
    return TissueMask(~_without_small(~mask, _PORE), downsample)


def _background(lab: NDArray[np.float32]) -> NDArray[np.float32]:
    """Median colour of the pixels near the most frequent lightness of the brightest fifth."""
    lightness = lab[..., 0]
    bright = lightness[lightness >= np.quantile(lightness, 0.8)]
    count, edges = np.histogram(bright, bins=32)
    peak = edges[np.argmax(count)]
    near = abs(lightness - peak) < 2
    return np.asarray(np.median(lab[near], axis=0), dtype=np.float32)


def _without_small(mask: NDArray[np.bool_], share: float) -> NDArray[np.bool_]:
    pieces, n = ndimage.label(mask)
    area = np.bincount(pieces.ravel(), minlength=n + 1)
    keep = area >= share * mask.size
    keep[0] = False
    return np.asarray(keep[pieces], dtype=bool)
