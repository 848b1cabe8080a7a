"""Distributions of the draws at a point, as densities for the plot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_stem.prediction.statistics import displayed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_stem.prediction.inspect import Inspection

_POINTS = 80  # of a density
_NARROWEST = 0.01  # width of a kernel, as a share of the axis


@dataclass(frozen=True, slots=True, eq=False)
class Distribution:
    """A row of the plot, as values are displayed.

    Attributes
    ----------
    density
        (m,) density at evenly spaced values along the axis, scaled to a maximum of 1.
    """

    gene: str
    density: NDArray[np.float64]
    mean: float
    interval: tuple[float, float]
    truth: float | None


def distributions(
    inspection: Inspection, genes: Sequence[str]
) -> tuple[list[Distribution], tuple[float, float]]:
    """Distributions of genes on one axis, and the ends of that axis: 0 and a whole number."""
    shown = [gene for gene in genes if gene in inspection.genes]
    ends = _ends(inspection, shown)
    axis = np.linspace(*ends, _POINTS)
    found = [
        Distribution(
            gene,
            _density(displayed(inspection.of(gene)), axis),
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


def _density(draws: NDArray[np.float32], axis: NDArray[np.float64]) -> NDArray[np.float64]:
    """Gaussian kernel density by Silverman's rule, scaled to a maximum of 1.

    A single draw, or draws that hardly differ, give a narrow but visible spike.
    """
    from scipy.stats import gaussian_kde  # imported already by the inspection

    narrowest, spread = _NARROWEST * (axis[-1] - axis[0]), float(draws.std())
    if spread < narrowest:
        density = np.exp(-(((axis - draws.mean()) / narrowest) ** 2) / 2)
    else:
        kernels = gaussian_kde(draws.astype(np.float64), bw_method="silverman")
        kernels.set_bandwidth(max(kernels.factor, narrowest / spread))
        density = kernels(axis)
    return np.asarray(density / density.max())
