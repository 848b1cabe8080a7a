"""Slides as thumbnails: a picture of the tissue, and in it the colour of each spot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib import colormaps
from PIL import Image
from scipy.spatial import KDTree

from napari_stem.cohort.choice import SIDE
from napari_stem.reports.plots import COLORMAP
from napari_stem.spots.table import library, positions, spot_diameter

if TYPE_CHECKING:
    from anndata import AnnData
    from numpy.typing import NDArray

_COVER = 0.85  # of the tissue by a spot's colour
_COLOURS = np.asarray(colormaps[COLORMAP](np.arange(256), bytes=True)[:, :3])


@dataclass(frozen=True, slots=True, eq=False)
class Thumbnail:
    """The part of a slide that has spots.

    Attributes
    ----------
    tissue
        (h, w, 3) RGB.
    spot
        (h, w) the spot that covers a pixel, the number of spots where none does.
    """

    tissue: NDArray[np.uint8]
    spot: NDArray[np.int32]

    def coloured(
        self, values: NDArray[np.float32], limits: tuple[float, float]
    ) -> NDArray[np.uint8]:
        """(h, w, 3) RGB, with the values (n,) of the spots between the limits of the colours.

        Spots whose value is not known (NaN) leave the tissue as it is.
        """
        low, high = limits
        shown = np.append(values, np.nan)[self.spot]
        covered = np.isfinite(shown)
        shares = np.clip((shown[covered] - low) / (high - low), 0, 1)
        colours = _COLOURS[np.round(shares * 255).astype(int)]
        picture = self.tissue.copy()
        picture[covered] = _COVER * colours + (1 - _COVER) * picture[covered]
        return picture


def thumbnail_of(spots: AnnData) -> Thumbnail:
    """The thumbnail of the slide on which spots lie, of the picture that their table holds.

    Raises
    ------
    LookupError, TypeError, ValueError
        The table has no such picture.
    SpotsError
        It has no coordinates, or several slides.
    """
    entry = spots.uns["spatial"][library(spots)]
    whole = np.asarray(entry["images"]["hires"], np.uint8)[..., :3]
    scale = float(entry["scalefactors"]["tissue_hires_scalef"])
    xy, diameter = positions(spots) * scale, spot_diameter(spots) * scale
    size = np.array(whole.shape[1::-1], float)
    low = np.clip(xy.min(axis=0) - diameter, 0, size - 1)
    high = np.clip(xy.max(axis=0) + diameter, low + 1, size)
    step = float((high - low).max()) / SIDE
    width, height = np.maximum(1, np.round((high - low) / step)).astype(int)
    box = (low[0], low[1], high[0], high[1])
    tissue = Image.fromarray(whole).resize((width, height), Image.Resampling.BOX, box)
    columns = low[0] + (np.arange(width) + 0.5) * step
    rows = low[1] + (np.arange(height) + 0.5) * step
    pixels = np.stack(np.meshgrid(columns, rows), axis=-1)
    reach = max(diameter / 2, step * np.sqrt(0.5))  # none gets lost between pixels
    _, nearest = KDTree(xy).query(pixels, distance_upper_bound=reach)
    return Thumbnail(np.asarray(tissue), nearest.astype(np.int32))


def colour_strip() -> NDArray[np.uint8]:
    """(1, 256, 3) RGB, the colours from the lower limit to the upper one."""
    return _COLOURS[None]
