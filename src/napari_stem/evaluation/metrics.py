"""Metrics in the log space: from sums over spots to numbers.

The mean over draws is judged by correlation and errors, the draws by their spread, and single
draws by their structure. No metric is ever NaN: genes with constant truth are left out of PCC-k
and RVD; if none is left, the metric is 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal, TypeAlias, TypeVar

import numpy as np

from napari_stem.evaluation.sums import LEVELS, Sums

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_stem.evaluation.structure import Structure

    Array: TypeAlias = NDArray[np.floating]
    Float: TypeAlias = NDArray[np.float64]

N = TypeVar("N", float, "NDArray[np.float64]")
Scores: TypeAlias = Mapping[str, float]  # values by the names of METRICS

_CONSTANT = 1e-12  # variance below which a gene says nothing


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What metrics are functions of: one row a sample of the spots, the first of all spots.

    Attributes
    ----------
    structure
        None where the places of the spots are not known.
    """

    sums: Sums
    structure: Structure | None = None


def _mean(values: Float) -> Float:
    return np.asarray(values.mean(axis=-1))


@dataclass(frozen=True, slots=True)
class Metric:
    """An entry of the table of metrics.

    Attributes
    ----------
    name
        In checkpoints, histories, files and Python.
    heading, tooltip
        Display texts.
    better
        "higher", "lower", or the value that is best.
    of
        From evidence to (samples, c), one number a gene, or (samples, 1).
    over_genes
        From these to one number a sample.
    gene
        Name of the number a gene, where tables of genes show it.
    digits
        After the point.
    needs_places
        Whether it is known only with the places of the spots.
    """

    name: str
    heading: str
    tooltip: str
    better: Literal["higher", "lower"] | float
    of: Callable[[Evidence], Float]
    over_genes: Callable[[Float], Float] = _mean
    gene: str = ""
    digits: int = 3
    needs_places: bool = False

    def values(self, evidence: Evidence) -> Float:
        """The metric of each sample."""
        return self.over_genes(self.of(evidence))

    def text(self, value: float) -> str:
        """A value as display text, of at most four digits where there are any after the point."""
        before = len(f"{abs(value):.0f}")
        return f"{value:z.{min(self.digits, max(0, 4 - before))}f}"

    def loss(self, value: N) -> N:
        """How bad a value is, or each of several: the lower, the better."""
        if self.better == "higher":
            return -value
        return value if self.better == "lower" else abs(value - float(self.better))


def pcc(evidence: Evidence) -> Float:
    """Pearson's correlation across spots of each gene.

    NaN where the truth is constant, 0 where only the prediction is.
    """
    s = evidence.sums
    n = s.spots[:, None]
    covariance = s.product / n - (s.mean / n) * (s.truth / n)
    p_var, t_var = _variances(s)
    varies = (p_var > _CONSTANT) & (t_var > _CONSTANT)
    scale = np.sqrt(np.where(varies, p_var * t_var, 1))
    return np.where(t_var > _CONSTANT, np.where(varies, covariance / scale, 0.0), np.nan)


def rvd(evidence: Evidence) -> Float:
    """(var_pred - var_true)^2 / var_true^2 of each gene; NaN where the truth is constant."""
    p_var, t_var = _variances(evidence.sums)
    varies = t_var > _CONSTANT
    return np.where(varies, (p_var / np.where(varies, t_var, 1) - 1) ** 2, np.nan)


def highest(values: Float, k: int | None = None) -> Float:
    """Mean of the k highest values of each row, or of all where there are fewer; NaN left out."""
    ordered = np.sort(np.where(np.isnan(values), -np.inf, values), axis=-1)[:, ::-1][:, :k]
    known = np.isfinite(ordered)
    total = np.where(known, ordered, 0).sum(axis=-1)
    return np.asarray(total / np.maximum(known.sum(axis=-1), 1))


def middle(values: Float) -> Float:
    """Median of each row; NaN left out."""
    known = ~np.isnan(values)
    filled = np.where(known.any(axis=-1, keepdims=True), values, 0)
    return np.asarray(np.nanmedian(filled, axis=-1))


def absolute_error(evidence: Evidence) -> Float:
    """Mean over spots of each gene."""
    return evidence.sums.absolute / evidence.sums.spots[:, None]


def squared_error(evidence: Evidence) -> Float:
    """Mean over spots of each gene."""
    return evidence.sums.squared / evidence.sums.spots[:, None]


def crps(evidence: Evidence) -> Float:
    """`sums.fair_crps`, mean over spots of each gene."""
    return evidence.sums.crps / evidence.sums.spots[:, None]


def energy(evidence: Evidence) -> Float:
    """`sums.energy_score`, mean over spots."""
    return evidence.sums.energy / evidence.sums.spots[:, None]


def coverage(evidence: Evidence, level: int = 90) -> Float:
    """Share of true values of each gene within a central interval of the draws, ends included."""
    covered = evidence.sums.covered[:, LEVELS.index(level)]
    return covered / evidence.sums.spots[:, None]


def structural(evidence: Evidence, name: str) -> Float:
    """A metric of `structure.Structure`."""
    assert evidence.structure is not None
    values: Float = getattr(evidence.structure, name)
    return values[:, None]


def _variances(s: Sums) -> tuple[Float, Float]:
    """Of each gene over spots: of the mean over draws, and of the truth."""
    n = s.spots[:, None]
    return s.mean_squared / n - (s.mean / n) ** 2, s.truth_squared / n - (s.truth / n) ** 2


def _coverage(level: int) -> Metric:
    fewest = round(2 / (1 - level / 100)) - 1
    return Metric(
        f"coverage_{level}", f"{level} % coverage",
        f"Share of measured values within the central {level} % of the draws; {level / 100:g} is "
        f"best. Fewer than {fewest} draws cannot reach it.",
        level / 100, partial(coverage, level=level), gene=f"coverage_{level}",
    )  # fmt: skip


METRICS: Mapping[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric(
            "pcc_10", "PCC-10", "Mean of the 10 highest gene-wise Pearson correlations; 1 is best.",
            "higher", pcc, partial(highest, k=10),
        ),
        Metric(
            "pcc_50", "PCC-50", "Mean of the 50 highest gene-wise Pearson correlations; 1 is best.",
            "higher", pcc, partial(highest, k=50),
        ),
        Metric(
            "pcc_all", "PCC-all", "Mean Pearson correlation over all genes; 1 is best.",
            "higher", pcc, highest, gene="pcc",
        ),
        Metric(
            "mae", "MAE", "Mean absolute error of the mean over draws; 0 is best.",
            "lower", absolute_error, gene="mae",
        ),
        Metric(
            "mse", "MSE", "Mean squared error of the mean over draws; 0 is best.",
            "lower", squared_error, gene="mse",
        ),
        Metric(
            "rvd", "RVD",
            "Relative variation distance of predicted and measured gene variances; 0 is best.",
            "lower", rvd, highest, gene="rvd",
        ),
        Metric(
            "rvd_median", "RVD, median",
            "Median over genes of the relative variation distance, which nearly silent genes "
            "cannot dominate; 0 is best.",
            "lower", rvd, middle,
        ),
        Metric(
            "fair_crps", "fair CRPS",
            "Continuous ranked probability score of the draws of single genes, whatever their "
            "number; 0 is best.",
            "lower", crps, gene="fair_crps",
        ),
        Metric(
            "energy", "energy score",
            "The fair CRPS of all genes of a spot together; 0 is best.",
            "lower", energy, digits=2,
        ),
        *map(_coverage, LEVELS),
        Metric(
            "gsc", "GSC",
            "Gene-gene structure: correlation of the gene-gene correlations of single draws with "
            "the measured ones; 1 is best.",
            "higher", partial(structural, name="gsc"), needs_places=True,
        ),
        Metric(
            "gsc_error", "GSC error",
            "Mean absolute difference between the gene-gene correlations of single draws and the "
            "measured ones; 0 is best.",
            "lower", partial(structural, name="gsc_error"), needs_places=True,
        ),
        Metric(
            "ssc", "SSC",
            "Spatial structure: correlation over genes of Moran's I of single draws with the "
            "measured one; 1 is best.",
            "higher", partial(structural, name="ssc"), needs_places=True,
        ),
        Metric(
            "ssc_ratio", "Moran ratio",
            "Mean Moran's I of single draws over the measured one; 1 is best.",
            1.0, partial(structural, name="ssc_ratio"), needs_places=True,
        ),
    )
}  # fmt: skip
# Shown where space is short, the most informative first.
BRIEF = (METRICS["pcc_50"], METRICS["mae"])
BY_SECTION = tuple(
    METRICS[name] for name in ("pcc_50", "mae", "fair_crps", "coverage_90", "gsc", "ssc")
)
CEILING = "Ceiling: what a perfect prediction of the same genes would reach, as counts are noisy."
BRIEF_BASELINES = ("ridge", "k-NN")  # also those that are quick to fit
