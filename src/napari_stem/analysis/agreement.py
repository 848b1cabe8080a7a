"""How well clusters agree with what is known of the spots."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from napari_stem.errors import SpotsError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MOST_KINDS = 50  # beyond, a column holds names rather than kinds


@dataclass(frozen=True, slots=True, eq=False)
class Agreement:
    """Clusters against an annotation.

    Attributes
    ----------
    table
        Spots of each cluster (row) and kind of annotation (column).
    ari
        Adjusted Rand index: 1 for the same groups, 0 on average for random ones.
    left_out
        Spots without an annotation.
    """

    table: pd.DataFrame
    ari: float
    left_out: int

    @property
    def compared(self) -> int:
        """Spots that have both."""
        return int(self.table.to_numpy().sum())


def compare(clusters: pd.Series, annotation: pd.Series) -> Agreement:
    """Compare labels of spots; both are indexed by the spots' names.

    Raises
    ------
    SpotsError
        No spot has both.
    """
    known = annotation.reindex(clusters.index)
    both = clusters.notna() & known.notna()
    if not both.any():
        raise SpotsError(
            f"None of the {len(clusters)} spots has an annotation in '{annotation.name}'. Choose "
            "another column, or load the spots whose names the prediction has."
        )
    table = pd.crosstab(clusters[both], known[both])
    return Agreement(table, adjusted_rand(table.to_numpy()), int((~both).sum()))


def adjusted_rand(table: NDArray[np.int64]) -> float:
    """The adjusted Rand index of a contingency table (Hubert and Arabie 1985)."""
    together = _pairs(table).sum()
    rows, columns = _pairs(table.sum(axis=1)).sum(), _pairs(table.sum(axis=0)).sum()
    by_chance = rows * columns / max(_pairs(table.sum()), 1)
    highest = (rows + columns) / 2
    return 1.0 if highest == by_chance else float((together - by_chance) / (highest - by_chance))


def annotation_columns(spots: pd.DataFrame) -> list[str]:
    """Columns that say of what kind a spot is; the clusters themselves are none."""
    return [
        str(name)
        for name, column in spots.items()
        if not str(name).startswith("leiden")
        and (is_bool_dtype(column.dtype) or not is_numeric_dtype(column.dtype))
        and 0 < column.nunique() <= _MOST_KINDS
    ]


def _pairs(n: NDArray[np.int64]) -> NDArray[np.float64]:
    return n * (n - 1.0) / 2
