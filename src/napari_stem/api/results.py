"""What is done with a prediction: reading it again, clusters, marker genes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_stem.analysis import cluster as clustering
from napari_stem.analysis import marker_genes
from napari_stem.analysis.labels import Clusters
from napari_stem.analysis.leiden_options import LeidenOptions
from napari_stem.api.keywords import with_options
from napari_stem.errors import SpotsError
from napari_stem.io import read_spots
from napari_stem.spots.provenance import provenance

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData


def read_prediction(path: str | Path) -> AnnData:
    """Read a prediction that `write_prediction` wrote.

    Parameters
    ----------
    path
        An .h5ad file, or a .zarr folder (SpatialData).

    Returns
    -------
    What `predict` returned.

    Raises
    ------
    SpotsNotFound, SpotsError
        Nothing is there, or it cannot be read.
    WrongType
        The file holds spots, but no prediction.

    Examples
    --------
    >>> stem.write_prediction(prediction, folder / "slide.h5ad")
    >>> stem.read_prediction(folder / "slide.h5ad").shape
    (4, 8)
    """
    prediction = read_spots(path)
    provenance(prediction, "recipe", name=f"'{path}'")
    return prediction


@with_options(options=LeidenOptions)
def find_clusters(prediction: AnnData, *, options: LeidenOptions) -> Clusters:
    """Leiden clusters of spots by predicted expression, the largest first.

    Parameters
    ----------
    prediction
        What `predict` returned. `obs["leiden"]` and `uns["leiden_colors"]` are written, which
        scanpy, squidpy and the exports read.
    {options}

    Returns
    -------
    Numbers, names and colours; edited ones are written by their `keep_in(prediction)`.

    Raises
    ------
    SpotsError
        There are too few spots.
    OptionError
        The resolution or the number of genes is not positive.

    Examples
    --------
    >>> many = stem.predict(sections[0], None, checkpoint, n_draws=4)
    >>> clusters = stem.find_clusters(many)
    >>> sum(clusters.sizes) == many.n_obs
    True
    """
    provenance(prediction)
    clustering.cluster(prediction, options)
    return Clusters.of_prediction(prediction)


def rank_genes(prediction: AnnData) -> pd.DataFrame:
    """Genes of each cluster by how much its spots differ from all others (Wilcoxon's rank sum).

    Parameters
    ----------
    prediction
        What `predict` returned, with the clusters of `find_clusters` in `obs["leiden"]`.

    Returns
    -------
    One row per cluster and gene, the highest score first: `cluster`, `gene`, `score` (z),
    `log2_fold_change` and `p_adjusted` (which orders genes and tests nothing: the clusters were
    found in the same values).

    Raises
    ------
    SpotsError
        There are no clusters yet, or none can be compared with others.

    Examples
    --------
    >>> many = stem.predict(sections[0], None, checkpoint, n_draws=4)
    >>> clusters = stem.find_clusters(many, resolution=2.0)
    >>> list(stem.rank_genes(many).columns)[:3]
    ['cluster', 'gene', 'score']
    """
    provenance(prediction)
    if "leiden" not in prediction.obs:
        raise SpotsError(
            "obs['leiden'] is missing. Find clusters first: find_clusters(prediction)."
        )
    return marker_genes.rank_genes(prediction, Clusters.of_prediction(prediction))
