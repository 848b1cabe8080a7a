"""The rasters in which spots are drawn, made once for spots that lie alike."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import numpy as np

from napari_stem._napari.state.comparison import MOST

if TYPE_CHECKING:
    from anndata import AnnData
    from numpy.typing import NDArray

    from napari_stem._napari.state.result import Result
    from napari_stem.spots.raster import SpotRaster


class Rasters:
    """Keeps the rasters that were made last, of as many results as can be compared."""

    def __init__(self) -> None:
        self._plain: deque[tuple[AnnData, SpotRaster]] = deque(maxlen=MOST)
        self._striped: deque[tuple[SpotRaster, NDArray[np.bool_], SpotRaster]] = deque(maxlen=MOST)

    def clear(self) -> None:
        """Forget all rasters."""
        self._plain.clear()
        self._striped.clear()

    def of(self, spots: AnnData) -> SpotRaster:
        """The raster of spots."""
        from napari_stem.spots.raster import have_same_raster, spot_raster

        for known, raster in self._plain:
            if have_same_raster(known, spots):
                return raster
        made = spot_raster(spots)
        self._plain.append((spots, made))
        return made

    def hatched(self, result: Result) -> SpotRaster:
        """The raster of a result; spots unlike the training tissue are striped."""
        raster, foreign = self.of(result.spots), result.foreign
        for plain, known, striped in self._striped:
            if plain is raster and np.array_equal(known, foreign):
                return striped
        made = raster.hatched(foreign)
        self._striped.append((raster, foreign, made))
        return made
