"""What limits a metric from the side of the counts: their noise, and how often they are zero."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_stem.analysis.correlation import correlations
from napari_stem.genes.counts import panel_counts, transform_counts
from napari_stem.spots.table import as_sparse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anndata import AnnData
    from numpy.typing import NDArray

    from napari_stem.defaults import CountTransform

    Float = NDArray[np.float64]

_SPLITS = 5


def noise_ceiling(
    spots: AnnData, genes: Sequence[str], transform: CountTransform, *, where: str = "spots"
) -> Float:
    """The correlation (c,) that a perfect prediction of each gene's rate would reach.

    Each molecule goes to one of two halves by chance. The correlation r of the halves tells how
    reliable half of the counts are, 2r / (1 + r) how reliable all of them are (Spearman and
    Brown), and its root bounds the correlation with what was measured.

    Returns
    -------
    0 … 1, the mean of five splits; 0 where the halves are not correlated.
    """
    random = np.random.default_rng(0)
    found = []
    for _ in range(_SPLITS):
        one, other = (
            transform_counts(half, genes, transform, where=where).T
            for half in _halves(spots, random)
        )
        found.append(correlations(one, other))
    r = np.clip(np.mean(found, axis=0), 0, 1)
    return np.asarray(np.sqrt(2 * r / (1 + r)))


def detection_rate(spots: AnnData, genes: Sequence[str], where: str = "spots") -> Float:
    """Share of spots (c,) that counted a gene; correlations of rare genes mean little."""
    counts = panel_counts(spots, genes, where)
    return np.asarray((counts > 0).mean(axis=0))


def _halves(spots: AnnData, random: np.random.Generator) -> tuple[AnnData, AnnData]:
    """Two tables whose counts add up to those of the spots."""
    one, other = spots.copy(), spots.copy()
    counts = as_sparse(spots.X).tocsr()
    half = counts.copy()
    half.data = random.binomial(counts.data.astype(np.int64), 0.5).astype(counts.dtype)
    one.X, other.X = half, counts - half
    return one, other
