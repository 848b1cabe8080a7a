"""Detection of usable tissue on a slide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage
from skimage.color import rgb2lab
from skimage.filters import threshold_otsu
from skimage.morphology import disk, remove_small_holes, remove_small_objects

from napari_stem.slides.artifacts import BLUR, Excluded, find_blur, find_ink

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_stem.slides.slide import Slide

_PIXEL_UM = 8.0  # of the mask, where the slide states a scale and is not very large
_LONGEST = 4000  # pixels of the overview that is looked at, at most
_LONGEST_UNSCALED = 1200  # the same, where nobody stated the scale
_SMALLEST_MM2 = 0.05  # a smaller piece is dust or a printed array dot
_SMALLEST_INK_MM2 = 0.02
_INK_GAP = 6  # pixels of tissue below a pen mark that may hide its colour
_INK_EDGE = 3  # pixels around a pen mark that are left out with it
_SAMPLES = 7  # across a spot, of which those within its disc are looked at
_PORE_MM2 = 0.02  # a smaller gap (a vessel, fat) counts as tissue
# Measured on six slides: bare background scores 0 to 2.5, however tinted, tissue 7 to 10, and
# Otsu's threshold is 4.4 to 5.7. Where all is glass or all is tissue, it would split noise.
_PLAUSIBLE_THRESHOLD = (3.0, 5.5)


@dataclass(frozen=True, slots=True)
class TissueMask:
    """Tissue of the whole slide, in pixels that are `downsample` level-0 pixels wide.

    Attributes
    ----------
    mask
        (h, w) tissue with its small gaps, such as vessels and fat.
    solid
        (h, w) tissue without any gap.
    excluded
        What was left out besides bare glass, and why.
    """

    mask: NDArray[np.bool_]
    solid: NDArray[np.bool_]
    downsample: float
    excluded: tuple[Excluded, ...] = ()

    @property
    def extent(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Lowest and highest x, y of the tissue, in level-0 pixels; there must be some."""
        rows, columns = np.nonzero(self.mask)
        low, high = (columns.min(), rows.min()), (columns.max() + 1, rows.max() + 1)
        return np.array(low) * self.downsample, np.array(high) * self.downsample

    def share_under(self, xy: NDArray[np.float64], diameter_px: float) -> NDArray[np.float64]:
        """(n,) share of the disc around each point (n, 2) under which there is tissue, no gap."""
        side = np.linspace(-1, 1, _SAMPLES)
        disc = np.array([(x, y) for x in side for y in side if np.hypot(x, y) <= 1])
        found = np.zeros(len(xy))
        for offset in disc * diameter_px / 2:
            found += self._at(self.solid, xy + offset)
        return found / len(disc)

    def contains(self, xy: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Whether points (n, 2), x and y in level-0 pixels, lie on tissue or in its small gaps."""
        return self._at(self.mask, xy)

    def _at(self, mask: NDArray[np.bool_], xy: NDArray[np.float64]) -> NDArray[np.bool_]:
        columns, rows = np.floor(np.asarray(xy) / self.downsample).astype(int).T
        height, width = mask.shape
        inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
        found = np.zeros(len(inside), dtype=bool)
        found[inside] = mask[rows[inside], columns[inside]]
        return found


def tissue_mask(slide: Slide) -> TissueMask:
    """Find tissue by its distance in colour and texture from the slide's own background.

    A threshold on whiteness fails on tinted backgrounds. Here the background is the commonest
    colour among the brightest fifth of an overview, and Otsu's threshold splits the distances
    from it (in CIELAB, smoothed over structure); small pieces are dropped. Pen marks and tissue
    that is out of focus are left out and reported.
    """
    overview, downsample = slide.thumbnail(_overview_size(slide))
    pixel_um = downsample * slide.mpp if slide.mpp else _PIXEL_UM
    lab = ndimage.gaussian_filter(rgb2lab(overview).astype(np.float32), (1, 1, 0))
    glass = _glass(lab[..., 0])
    score = _distance(lab, np.median(lab[glass], axis=0))
    mask = score > np.clip(threshold_otsu(score), *_PLAUSIBLE_THRESHOLD)
    mask = ndimage.binary_opening(mask, disk(2))
    excluded = []
    for ink, where in find_ink(overview, np.median(overview[glass], axis=0)).items():
        where = ndimage.binary_opening(where, disk(2))
        if not where.any():  # as on most slides, and closing takes long
            continue
        where = ndimage.binary_closing(where, disk(_INK_GAP))
        where = remove_small_objects(where, max_size=_less_than(_SMALLEST_INK_MM2, pixel_um))
        if where.any():
            excluded.append(Excluded(ink, float(where.mean())))
            mask &= ~ndimage.binary_dilation(where, disk(_INK_EDGE))
    mask = remove_small_objects(mask, max_size=_less_than(_SMALLEST_MM2, pixel_um))
    solid = mask
    mask = remove_small_holes(mask, max_size=_less_than(_PORE_MM2, pixel_um))
    blurred = find_blur(slide, mask, downsample)
    if blurred.any():
        excluded.append(Excluded(BLUR, float(blurred.mean())))
        mask &= ~blurred
    return TissueMask(mask, solid & mask, downsample, tuple(excluded))


def _overview_size(slide: Slide) -> int:
    longest = max(slide.width, slide.height)
    if slide.mpp is None:
        return min(longest, _LONGEST_UNSCALED)
    return max(1, min(longest, _LONGEST, round(longest * slide.mpp / _PIXEL_UM)))


def _less_than(mm2: float, pixel_um: float) -> int:
    """The most pixels that cover less than an area."""
    return int(np.ceil(mm2 * 1e6 / pixel_um**2)) - 1


def _distance(lab: NDArray[np.float32], background: NDArray[np.float32]) -> NDArray[np.float32]:
    """How far colour and texture are from those of bare glass."""
    colour = np.linalg.norm(lab - background, axis=2)
    texture = ndimage.generic_gradient_magnitude(lab[..., 0], ndimage.sobel)
    score: NDArray[np.float32] = np.sqrt(colour) + np.sqrt(ndimage.gaussian_filter(texture, 2)) / 2
    return score


def _glass(lightness: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Pixels near the most frequent lightness of the brightest fifth."""
    bright = lightness[lightness >= np.quantile(lightness, 0.8)]
    lowest, highest = float(bright.min()), float(bright.max())
    count, edges = np.histogram(bright, bins=32, range=(lowest, max(highest, lowest + 0.1)))
    reach = max(2.0, edges[1] - edges[0])
    return np.asarray(abs(lightness - edges[np.argmax(count)]) <= reach)
