"""The rasters in which spots are drawn, made once for spots that lie alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from anndata import AnnData
    from numpy.typing import NDArray

    from napari_stem._napari.state.result import Result
    from napari_stem.spots.raster import SpotRaster


class Rasters:
    """Keeps the raster that was used last."""

    def __init__(self) -> None:
        self._plain: tuple[AnnData, SpotRaster] | None = None
        self._striped: tuple[SpotRaster, NDArray[np.bool_], SpotRaster] | None = None

    def of(self, spots: AnnData) -> SpotRaster:
        """The raster of spots."""
        from napari_stem.spots.raster import have_same_raster, spot_raster

        if self._plain is None or not have_same_raster(self._plain[0], spots):
            self._plain = spots, spot_raster(spots)
        return self._plain[1]

    def hatched(self, result: Result) -> SpotRaster:
        """The raster of a result; spots unlike the training tissue are striped."""
        raster, foreign = self.of(result.spots), result.foreign
        known = self._striped
        if known is None or known[0] is not raster or not np.array_equal(known[1], foreign):
            self._striped = known = raster, foreign, raster.hatched(foreign)
        return known[2]
