"""How the draws of genes at a point spread, as the plot of them draws it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_stem.prediction.inspect import Inspection

_POINTS = 80  # at which a density is known
_NARROWEST = 0.01  # width of a kernel, of the axis


@dataclass(frozen=True, slots=True, eq=False)
class Distribution:
    """A row of the plot.

    Attributes
    ----------
    density
        (m,) along evenly spaced values between the ends of the axis, at most 1.
    """

    gene: str
    density: NDArray[np.float64]
    mean: float
    interval: tuple[float, float]
    truth: float | None


def distributions(
    inspection: Inspection, genes: Sequence[str]
) -> tuple[list[Distribution], tuple[float, float]]:
    """The genes' distributions on one axis, and its ends: whole numbers, 0 between them."""
    shown = [gene for gene in genes if gene in inspection.genes]
    ends = _ends(inspection, shown)
    axis = np.linspace(*ends, _POINTS)
    found = [
        Distribution(
            gene,
            _density(inspection.of(gene), axis),
            inspection.mean(gene),
            inspection.interval(gene),
            inspection.truth(gene),
        )
        for gene in shown
    ]
    return found, ends


def _ends(inspection: Inspection, genes: Sequence[str]) -> tuple[float, float]:
    known = [truth for gene in genes if (truth := inspection.truth(gene)) is not None]
    lowest = min([0.0, *(inspection.interval(gene)[0] for gene in genes)])
    highest = max([1.0, *known, *(float(inspection.of(gene).max()) for gene in genes)])
    return float(np.floor(lowest)), float(np.ceil(highest))


def _density(draws: NDArray[np.float32], axis: NDArray[np.float64]) -> NDArray[np.float64]:
    """Gaussian kernels by Silverman's rule, scaled to a highest point of 1.

    Draws that hardly differ, or a single one, are a spike that can be seen.
    """
    from scipy.stats import gaussian_kde  # long since loaded by who inspected

    narrowest, spread = _NARROWEST * (axis[-1] - axis[0]), float(draws.std())
    if spread < narrowest:
        density = np.exp(-(((axis - draws.mean()) / narrowest) ** 2) / 2)
    else:
        kernels = gaussian_kde(draws.astype(np.float64), bw_method="silverman")
        kernels.set_bandwidth(max(kernels.factor, narrowest / spread))
        density = kernels(axis)
    return np.asarray(density / density.max())
