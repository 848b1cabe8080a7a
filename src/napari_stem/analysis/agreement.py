"""Agreement of clusters with annotations of the spots."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
from sklearn.metrics import adjusted_rand_score

from napari_stem.errors import SpotsError
from napari_stem.text import counted


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
            f"No spot has both a cluster and an annotation in '{annotation.name}' "
            f"({counted(len(clusters), 'spot')}). Choose another column, or load the spots "
            "that were predicted."
        )
    clusters, known = clusters[both], known[both]
    ari = adjusted_rand_score(pd.factorize(known)[0], pd.factorize(clusters)[0])
    return Agreement(pd.crosstab(clusters, known), float(ari), int((~both).sum()))
