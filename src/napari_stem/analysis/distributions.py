"""Distributions of values as densities on one axis, for violin plots."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_stem.analysis.labels import Clusters

POINTS = 80  # of a density
_NARROWEST = 0.01  # width of a kernel, as a share of the axis
_MANY = 1000  # values; more are counted in bins first
_INTERVAL = 0.05, 0.95  # quantiles


@dataclass(frozen=True, slots=True, eq=False)
class Distribution:
    """A row of a violin plot.

    Attributes
    ----------
    density
        (m,) density at evenly spaced values along the axis, scaled to a maximum of 1.
    interval
        The central 90 % of the values.
    truth
        A measured value to mark.
    """

    name: str
    density: NDArray[np.float64]
    mean: float
    interval: tuple[float, float]
    truth: float | None = None


def axis(ends: tuple[float, float]) -> NDArray[np.float64]:
    """(m,) values at which densities are computed, from one end to the other."""
    return np.linspace(*ends, POINTS)


def density(values: NDArray[np.float32], along: NDArray[np.float64]) -> NDArray[np.float64]:
    """Gaussian kernel density by Silverman's rule, scaled to a maximum of 1.

    A single value, or values that hardly differ, give a narrow but visible spike.

    Parameters
    ----------
    values
        (n,)
    along
        (m,) the values of `axis`.
    """
    narrowest, spread = _NARROWEST * (along[-1] - along[0]), float(values.std())
    if spread < narrowest:
        found = np.exp(-(((along - values.mean()) / narrowest) ** 2) / 2)
    else:
        width = max(spread * (0.75 * len(values)) ** -0.2, narrowest)
        places, counts = _in_bins(values.astype(np.float64))
        found = np.exp(-(((along[:, None] - places) / width) ** 2) / 2) @ counts
    return np.asarray(found / found.max())


def by_cluster(
    values: NDArray[np.float32], clusters: Clusters
) -> tuple[list[Distribution], tuple[float, float]]:
    """Values (n,) of the spots of each cluster, and the ends of their axis.

    The axis ends at 0, or below it where values are, and at a whole number. Clusters without
    spots are left out.
    """
    ends = float(min(0, np.floor(values.min()))), float(max(1, np.ceil(values.max())))
    along, found = axis(ends), []
    for number, title in enumerate(clusters.titles, start=1):
        own = values[clusters.numbers == number]
        if len(own):
            low, high = np.quantile(own, _INTERVAL)
            found.append(
                Distribution(
                    title, density(own, along), float(own.mean()), (float(low), float(high))
                )
            )
    return found, ends


def _in_bins(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Values and how often they occur; many are counted in bins, by the middles of these."""
    if len(values) <= _MANY:
        return values, np.ones(len(values))
    counts, edges = np.histogram(values, bins=4 * POINTS)
    return (edges[1:] + edges[:-1]) / 2, counts.astype(np.float64)
