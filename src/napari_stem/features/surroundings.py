"""The tissue around spots: the mean description of the patches that tile the slide near them.

The tiles lie where the slide has them, not where spots are, so that a click, a region and the whole
slide agree. Neighbouring spots share most of theirs: those of Visium need 0.7 tiles each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse
from scipy.spatial import KDTree

from napari_stem.roomy import blocks, roomy
from napari_stem.spots.table import positions, spot_diameter, spot_table

if TYPE_CHECKING:
    from pathlib import Path

    from anndata import AnnData
    from numpy.typing import NDArray

    from napari_stem.features.patches import PatchGeometry
    from napari_stem.slides.slide import Slide


@dataclass(frozen=True, slots=True, eq=False)
class Tiles:
    """The tiles of a slide that lie around some spots.

    Attributes
    ----------
    table
        The m tiles, as spots whose patches they are.
    shares
        (n, m) what each tile gives to the mean of a spot.
    """

    table: AnnData
    shares: sparse.csr_matrix

    def mean(self, vectors: NDArray[np.float32], scratch: Path | None) -> NDArray[np.float32]:
        """(n, d) of what is known of the tiles (m, d); in a file below `scratch` if it is large."""
        found = roomy((self.shares.shape[0], vectors.shape[1]), scratch)
        for rows in blocks(len(found)):
            found[rows] = self.shares[rows] @ vectors
        return found


def radius_px(
    slide: Slide, geometry: PatchGeometry, spot_diameter_px: float, radius_um: float
) -> float:
    """A radius in level-0 pixels, at least a tile's width, so that every place has some tiles.

    Raises
    ------
    MissingScale
        The slide states no micrometres per pixel.
    """
    return max(radius_um / slide.require_mpp(), geometry.width_px(slide, spot_diameter_px))


def tiles_around(slide: Slide, spots: AnnData, geometry: PatchGeometry, radius_um: float) -> Tiles:
    """The tiles whose centres lie within a radius of spots (`radius_px`).

    Raises
    ------
    MissingScale
        The slide states no micrometres per pixel.
    """
    diameter = spot_diameter(spots)
    width = geometry.width_px(slide, diameter)
    radius = radius_px(slide, geometry, diameter, radius_um)
    x, y = (
        np.minimum((np.arange(np.ceil(size / width)) + 0.5) * width, size - 1.0)
        for size in (slide.width, slide.height)
    )
    centres = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    pairs = KDTree(positions(spots)).sparse_distance_matrix(
        KDTree(centres), radius, output_type="ndarray"
    )
    used, columns = np.unique(pairs["j"], return_inverse=True)
    number = np.bincount(pairs["i"], minlength=spots.n_obs)
    shares = sparse.csr_matrix(
        ((1 / number[pairs["i"]]).astype(np.float32), (pairs["i"], columns)),
        (spots.n_obs, len(used)),
    )
    return Tiles(spot_table(centres[used], diameter_px=diameter), shares)
