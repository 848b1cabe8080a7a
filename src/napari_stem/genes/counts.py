"""From raw counts of a spot table to the values that a network learns."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, get_args

import numpy as np
from scipy import sparse

from napari_stem.defaults import CountTransform
from napari_stem.errors import CountsError, OptionError, SpotsError
from napari_stem.genes.names import find_genes
from napari_stem.genes.panels import measured_genes
from napari_stem.spots.table import as_sparse, check_counts, has_counts

if TYPE_CHECKING:
    from anndata import AnnData
    from numpy.typing import NDArray

UNITS: dict[CountTransform, str] = {
    "log2": "log2(count + 1)",
    "log1p_cp10k": "log(counts per 10,000 + 1)",
}


def panel_counts(spots: AnnData, panel: Sequence[str], where: str) -> NDArray[np.float64]:
    """Raw counts of a panel's genes, (n, c), in the panel's order.

    Genes are found by symbol, Ensembl id or old symbol (`genes.names`); a symbol of several loci
    counts the molecules of all.

    Raises
    ------
    SpotsError
        The table has no counts.
    CountsError
        A count is negative or not finite.
    PanelError
        The table lacks genes of the panel; the message names them.
    """
    if not has_counts(spots):
        raise SpotsError(f"The spots of {where} have no counts. Use spots with raw counts.")
    check_counts(spots)
    found = measured_genes(panel, spots.var, where)
    matrix = as_sparse(spots.X).tocsc()
    columns = np.concatenate([found.columns[gene] for gene in panel])
    gene = np.repeat(np.arange(len(panel)), [len(found.columns[name]) for name in panel])
    loci = sparse.csc_matrix((np.ones(len(gene)), (np.arange(len(gene)), gene)))
    return np.asarray((matrix[:, columns].astype(np.float64) @ loci).toarray())


def counted_spots(spots: AnnData, panel: Sequence[str], where: str) -> AnnData:
    """The spots with counts of any gene of a panel; the others teach a model nothing.

    Raises
    ------
    SpotsError, PanelError
        As `panel_counts`.
    CountsError
        No spot has any.
    """
    counted = panel_counts(spots, panel, where).any(axis=1)
    if not counted.any():
        raise CountsError(f"No spot of {where} has counts of any gene of the panel.")
    return spots[counted].copy()


def transform_counts(
    spots: AnnData, panel: Sequence[str], transform: CountTransform, *, where: str = "spots"
) -> NDArray[np.float32]:
    """Panel counts in the log space in which they are learned and reported.

    Parameters
    ----------
    spots
        Raw counts of all measured genes, not of the panel alone: their sum is the library size.
    transform
        "log2": log2(count + 1) of raw counts (the paper's). "log1p_cp10k": scanpy's
        ``normalize_total(target_sum=1e4)`` followed by ``log1p``.

    Returns
    -------
    (n, c). A spot without any count is all zeros.
    """
    if transform not in get_args(CountTransform):
        raise OptionError(f"count transform '{transform}' is unknown; choose {' or '.join(UNITS)}.")
    counts = panel_counts(spots, panel, where)
    if transform == "log2":
        return np.log2(counts + 1).astype(np.float32)
    return np.log1p(counts / np.maximum(depths(spots)[:, None], 1) * 1e4).astype(np.float32)


def depths(spots: AnnData) -> NDArray[np.float64]:
    """(n,) counts of each spot, all measured genes together."""
    return np.asarray(spots.X.sum(axis=1, dtype=np.float64), dtype=np.float64).ravel()


def measured(
    spots: AnnData, panel: Sequence[str], transform: CountTransform
) -> tuple[tuple[str, ...], NDArray[np.float32]]:
    """What spots measured of a panel: by their counts, or as a prediction of them keeps it.

    Returns
    -------
    The m genes that were measured, in the panel's order, and (n, m) values. A prediction's own
    numbers and those that are no raw counts measure nothing, and what a prediction keeps in
    another unit is left out.
    """
    if has_counts(spots):
        missing = set(find_genes(panel, spots.var).missing)
        genes = tuple(gene for gene in panel if gene not in missing)
        if genes:
            with suppress(CountsError):  # of normalised values nothing is known
                return genes, transform_counts(spots, genes, transform)
    about = spots.uns.get("napari_stem", {})
    if about.get("unit") == UNITS[transform] and "truth" in spots.layers:
        genes = tuple(gene for gene in panel if gene in spots.var_names)
        return genes, np.asarray(spots[:, list(genes)].layers["truth"], dtype=np.float32)
    return (), np.empty((spots.n_obs, 0), dtype=np.float32)
