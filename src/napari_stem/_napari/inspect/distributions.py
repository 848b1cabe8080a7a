"""Distributions of the draws at a point, as densities for the plot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_stem.analysis.distributions import Distribution, axis, density
from napari_stem.prediction.statistics import displayed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_stem.prediction.inspection import Inspection


def distributions(
    inspection: Inspection, genes: Sequence[str]
) -> tuple[list[Distribution], tuple[float, float]]:
    """Distributions of genes on one axis, and the ends of that axis: 0 and a whole number."""
    shown = [gene for gene in genes if gene in inspection.genes]
    ends = _ends(inspection, shown)
    along = axis(ends)
    found = [
        Distribution(
            gene,
            density(displayed(inspection.of(gene)), along),
            shown_mean(inspection, gene),
            _interval(inspection, gene),
            inspection.truth(gene),
        )
        for gene in shown
    ]
    return found, ends


def shown_mean(inspection: Inspection, gene: str) -> float:
    """The mean of a gene as it is displayed."""
    return float(displayed(np.float32(inspection.mean(gene))))


def _ends(inspection: Inspection, genes: Sequence[str]) -> tuple[float, float]:
    known = [truth for gene in genes if (truth := inspection.truth(gene)) is not None]
    highest = max([1.0, *known, *(float(inspection.of(gene).max()) for gene in genes)])
    return 0.0, float(np.ceil(highest))


def _interval(inspection: Inspection, gene: str) -> tuple[float, float]:
    low, high = displayed(np.array(inspection.interval(gene), np.float32))
    return float(low), float(high)
