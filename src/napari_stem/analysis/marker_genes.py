"""Marker genes of clusters."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import scanpy as sc
from anndata import AnnData

from napari_stem.errors import SpotsError
from napari_stem.genes.counts import UNITS
from napari_stem.spots.provenance import provenance
from napari_stem.storage import atomic_path

if TYPE_CHECKING:
    from napari_stem.analysis.labels import Clusters

_FEWEST = 2  # spots of a cluster whose genes can be ranked


def rank_genes(prediction: AnnData, clusters: Clusters) -> pd.DataFrame:
    """Rank the genes of each cluster against the spots of all others, by Wilcoxon's rank sum.

    Ranks do not depend on the count transform, nor do they suppose that predictions, which are
    often bimodal between tissues, are normal.

    Returns
    -------
    One row per cluster and gene, the highest score first: `cluster` (its number), `gene`, `score`
    (z), `log2_fold_change` (difference of the means of log2 values) and `p_adjusted` (Benjamini
    and Hochberg). Clusters of one spot are left out.

    Raises
    ------
    SpotsError
        No cluster can be compared with others.

    Notes
    -----
    The clusters were found in the same values, and draws of one slide are no replicates: p
    values order genes and test nothing.
    """
    sizes = np.array(clusters.sizes)
    ranked = [str(number) for number in np.flatnonzero(sizes >= _FEWEST) + 1]
    if not ranked or (sizes > 0).sum() < 2:
        raise SpotsError(
            "Ranking genes needs at least two clusters, one of them with two or more "
            "spots. Cluster with a higher resolution."
        )
    known = clusters.numbers > 0
    labels = pd.Categorical(clusters.numbers[known].astype(str))
    values = np.asarray(prediction.X, dtype=np.float32)[known]
    # Ranks stay when all is moved; scanpy's own fold changes, not used here, need positive values.
    table = AnnData(values - values.min(), var=pd.DataFrame(index=prediction.var_names))
    table.obs["cluster"] = labels
    sc.tl.rank_genes_groups(table, "cluster", groups=ranked, method="wilcoxon")
    found = table.uns["rank_genes_groups"]
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "cluster": int(number),
                    "gene": found["names"][number],
                    "score": found["scores"][number],
                    "log2_fold_change": _log2_fold_changes(prediction, values, labels == number)
                    .loc[found["names"][number]]
                    .to_numpy(),
                    "p_adjusted": found["pvals_adj"][number],
                }
            )
            for number in ranked
        ],
        ignore_index=True,
    )


def write_ranking(ranking: pd.DataFrame, clusters: Clusters, path: str | Path) -> None:
    """Write a ranking of clusters as CSV, in which they are called by their names."""
    named = ranking.assign(cluster=[clusters.titles[number - 1] for number in ranking["cluster"]])
    with atomic_path(path) as draft:
        named.to_csv(draft, index=False, float_format="%.6g")


def _log2_fold_changes(prediction: AnnData, values: np.ndarray, inside: np.ndarray) -> pd.Series:
    """Between the means of log values: predictions may be negative, and counts of them NaN."""
    difference = values[inside].mean(axis=0) - values[~inside].mean(axis=0)
    unit = str(provenance(prediction, "unit")["unit"])
    scale = 1 if unit == UNITS["log2"] else 1 / np.log(2)
    return pd.Series(difference * scale, index=prediction.var_names)
