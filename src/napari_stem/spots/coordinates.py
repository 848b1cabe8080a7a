"""Coordinates of spots as tables of the field store them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from napari_stem.errors import SpotsError
from napari_stem.text import counted, one_line

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Names of x and y in tables of coordinates, as programs of the field write them. Beside those of
# pixels, x and y are places in an array.
_XY = (
    ("pixel_x", "pixel_y"), ("x", "y"), ("x_centroid", "y_centroid"), ("imagecol", "imagerow"),
    ("pxl_col_in_fullres", "pxl_row_in_fullres"), ("col", "row"),
)  # fmt: skip


def as_xy(stored: Any) -> NDArray[np.float64]:
    """(n, 2) x and y of coordinates as they are stored: in this order, or in named columns."""
    if isinstance(stored, pd.DataFrame):
        columns = {str(column).casefold(): column for column in stored.columns}
        known = next((names for names in _XY if set(names) <= set(columns)), None)
        stored = stored if known is None else stored[[columns[name] for name in known]]
    try:
        xy = np.asarray(stored, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise SpotsError(f"obsm['spatial'] does not hold numbers: {one_line(error)}.") from error
    if xy.ndim != 2 or xy.shape[1] < 2:
        raise SpotsError(f"obsm['spatial'] needs the columns x and y; its shape is {xy.shape}.")
    return xy[:, :2]


def check_finite(xy: NDArray[np.float64]) -> None:
    """Raise a `SpotsError` that counts the spots without finite coordinates."""
    lost = ~np.isfinite(xy).all(axis=1)
    if lost.any():
        raise SpotsError(
            f"Coordinates of {counted(int(lost.sum()), 'spot')} are not finite (NaN or "
            f"infinite), out of {len(xy):,}."
        )
