"""Leiden clusters of predicted expression."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import scanpy as sc
from anndata import AnnData

from napari_stem.analysis.labels import Clusters
from napari_stem.analysis.leiden import partition, partition_apart
from napari_stem.errors import OptionError, SpotsError

if TYPE_CHECKING:
    from numpy.typing import NDArray

FEWEST = 5
_NEIGHBOURS, _COMPONENTS = 15, 30
_MANY = 5_000  # spots, whose partition would hold up a window


def cluster(
    prediction: AnnData, *, resolution: float = 1.0, n_genes: int | None = None, seed: int = 0
) -> None:
    """Cluster spots by predicted expression into `obs["leiden"]`, named "1", "2", … by size.

    Their colours are in `uns["leiden_colors"]`. Parameters and errors are those of
    `find_clusters`.
    """
    found = find_clusters(prediction, resolution=resolution, n_genes=n_genes, seed=seed)
    found.keep_in(prediction)


def find_clusters(
    prediction: AnnData, *, resolution: float = 1.0, n_genes: int | None = None, seed: int = 0
) -> Clusters:
    """Clusters of spots by predicted expression, the largest first. The prediction stays as it is.

    Parameters
    ----------
    resolution
        Higher gives more clusters.
    n_genes
        Only the genes that vary most; None takes all.

    Raises
    ------
    SpotsError
        There are too few spots.
    OptionError
        The resolution or the number of genes is not positive.
    """
    if prediction.n_obs < FEWEST:
        raise SpotsError(f"{prediction.n_obs} spots are too few to cluster; {FEWEST} are needed.")
    check_request(resolution, n_genes)
    values = np.asarray(prediction.X, dtype=np.float32)
    if n_genes is not None:
        values = values[:, np.argsort(-values.var(axis=0))[:n_genes]]
    table = AnnData(values, obs=pd.DataFrame(index=prediction.obs_names))
    components = min(_COMPONENTS, min(values.shape) - 1)
    if components > 1:
        sc.pp.pca(table, n_comps=components, random_state=seed)
    # pynndescent, scanpy's choice for many spots, fails with recent versions of scipy.
    sc.pp.neighbors(
        table, n_neighbors=min(_NEIGHBOURS, table.n_obs - 1), transformer="sklearn",
        use_rep="X_pca" if components > 1 else "X", random_state=seed,
    )  # fmt: skip
    divide = partition_apart if table.n_obs > _MANY else partition
    return _by_size(divide(table.obsp["connectivities"], resolution=resolution, seed=seed))


def check_request(resolution: float, n_genes: int | None = None) -> None:
    """Raise the `OptionError` of `find_clusters` before there is anything to cluster."""
    if not resolution > 0:
        raise OptionError(f"resolution is {resolution:g}; it must be positive.")
    if n_genes is not None and n_genes < 1:
        raise OptionError(f"n_genes is {n_genes}; clusters need at least 1 gene.")


def _by_size(communities: NDArray[np.int64]) -> Clusters:
    order = np.argsort(-np.bincount(communities), kind="stable")
    numbers = np.empty(len(order), np.uint16)
    numbers[order] = np.arange(1, len(order) + 1)
    return Clusters.of_numbers(numbers[communities])
