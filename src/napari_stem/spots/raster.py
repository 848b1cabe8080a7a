"""Spots as pixels: one image, in which any value per spot can be drawn."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_stem.spots.table import positions, spot_diameter

if TYPE_CHECKING:
    from anndata import AnnData
    from numpy.typing import NDArray

_DISC = 32  # raster pixels a spot's diameter, where the raster stays below:
_MOST_PIXELS = 1500 * 1500
_STRIPES = 8  # raster pixels from a stripe to the next


class SpotRaster:
    """Discs around spots as pixels.

    Parameters
    ----------
    xy
        (n, 2) centres in level-0 pixels.
    diameter
        Of the discs, in level-0 pixels; discs smaller than a pixel of the raster keep that one.

    Attributes
    ----------
    n_spots
        Number of discs, n.
    index
        (h, w) the spot that covers a pixel, n where none does.
    left, top
        Corner of the raster in level-0 pixels.
    step
        Level-0 pixels a raster pixel.
    """

    def __init__(self, xy: NDArray[np.float64], diameter: float) -> None:
        self.n_spots = len(xy)
        low, high = xy.min(axis=0) - diameter / 2, xy.max(axis=0) + diameter / 2
        self.step = max(diameter / _DISC, float(np.sqrt(np.prod(high - low) / _MOST_PIXELS)))
        self.left, self.top = (float(value) for value in low)
        width, height = np.ceil((high - low) / self.step).astype(int)
        self.index = np.full((height, width), len(xy), np.int32)
        centres = (xy - low) / self.step
        self._diagonals = np.floor(centres).astype(int).sum(axis=1)  # of the centres
        self._draw(centres, max(diameter / 2 / self.step, np.sqrt(0.5)))

    def _draw(self, centres: NDArray[np.float64], radius: float) -> None:
        """Give each pixel within `radius` of a centre to the nearest one."""
        nearest = np.full(self.index.shape, np.inf, np.float32)
        columns, rows = np.floor(centres).astype(np.int32).T
        reach = int(np.ceil(radius))
        for dy in range(-reach, reach + 1):
            for dx in range(-reach, reach + 1):
                r, c = rows + dy, columns + dx
                distance = np.hypot(c + 0.5 - centres[:, 0], r + 0.5 - centres[:, 1])
                inside = (r >= 0) & (r < self.index.shape[0]) & (c >= 0) & (c < self.index.shape[1])
                spots = np.flatnonzero(inside & (distance <= radius))
                place = r[spots], c[spots]
                closer = distance[spots] < nearest[place]
                spots, place = spots[closer], (place[0][closer], place[1][closer])
                nearest[place] = distance[spots]
                self.index[place] = spots

    def hatched(self, spots: NDArray[np.bool_]) -> SpotRaster:
        """The same raster, but some spots (n,) are striped: between the stripes lies no disc.

        The centre of a spot lies on a stripe.
        """
        if not spots.any():
            return self
        striped = copy(self)
        height, width = self.index.shape
        diagonals = np.add.outer(np.arange(height), np.arange(width))
        from_centre = diagonals - np.append(self._diagonals, 0)[self.index]
        gaps = (from_centre + _STRIPES // 4) % _STRIPES >= _STRIPES // 2
        striped.index = np.where(gaps & np.append(spots, False)[self.index], len(spots), self.index)
        return striped

    def paint(
        self, values: NDArray[Any], background: float, out: NDArray[Any] | None = None
    ) -> NDArray[Any]:
        """Values of spots where their discs lie.

        Parameters
        ----------
        values
            (n,) one a spot.
        background
            The value of pixels that no disc covers.
        out
            (h, w) of the type of `values`; where to paint, a new array otherwise.

        Returns
        -------
        (h, w) in the type of `values`.
        """
        table = np.append(values, values.dtype.type(background))
        return np.take(table, self.index, out=out, mode="clip")  # which alone needs no buffer


def spot_raster(spots: AnnData) -> SpotRaster:
    """The raster of a spot table."""
    return SpotRaster(positions(spots), spot_diameter(spots))


def have_same_raster(spots: AnnData, others: AnnData) -> bool:
    """Whether two spot tables have one raster."""
    if spots is others:
        return True
    same = np.array_equal(positions(spots), positions(others))
    return same and spot_diameter(spots) == spot_diameter(others)
