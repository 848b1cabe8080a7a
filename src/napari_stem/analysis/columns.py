"""Columns of a spot table as they can be drawn: kinds as labels, numbers as a heatmap."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from napari_stem.analysis.labels import Clusters

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

_MOST_KINDS = 50  # beyond, a column holds names rather than kinds
_ENDS = 0.01, 0.99  # quantiles; what lies beyond has the colours of the ends


def annotation_columns(spots: pd.DataFrame) -> list[str]:
    """Annotation columns of a spot table, without the clusters."""
    return [
        str(name)
        for name, column in spots.items()
        if not str(name).startswith("leiden")
        and (is_bool_dtype(column.dtype) or not is_numeric_dtype(column.dtype))
        and 0 < column.nunique() <= _MOST_KINDS
    ]


def drawable_columns(spots: pd.DataFrame) -> list[str]:
    """Columns of kinds, then columns of numbers that differ."""
    numbers = [str(name) for name, column in spots.items() if _has_numbers(column)]
    return annotation_columns(spots) + numbers


def labels_of(column: pd.Series) -> Clusters | None:
    """The kinds of a column as clusters, spots without one in none; None for numbers."""
    if _is_numeric(column):
        return None
    return Clusters.of_labels(column.astype("category"))


def numbers_of(column: pd.Series) -> tuple[NDArray[np.float32], tuple[float, float]]:
    """(n,) numbers, NaN where they are not finite, and the ends of their colours."""
    values = column.to_numpy(np.float32, na_value=np.nan)
    values = np.where(np.isfinite(values), values, np.float32(np.nan))
    low, high = np.nanquantile(values, _ENDS)
    if low == high:
        low, high = np.nanmin(values), np.nanmax(values)
    return values, (float(low), float(high))


def _has_numbers(column: pd.Series) -> bool:
    return _is_numeric(column) and column[np.isfinite(column.astype(float))].nunique() > 1


def _is_numeric(column: pd.Series) -> bool:
    return is_numeric_dtype(column.dtype) and not is_bool_dtype(column.dtype)
