"""Metrics in the log space: arrays in, numbers out.

Predictions are (n, c) or, as draws, (K, n, c); truth is (n, c): n spots, c genes. No metric is
ever NaN: genes with constant truth are left out of PCC-k and RVD; if none is left, the metric
is 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[np.floating]

Scores: TypeAlias = Mapping[str, float]  # values by the names of METRICS

_CONSTANT = 1e-12  # variance below which a gene says nothing


@dataclass(frozen=True, slots=True)
class Metric:
    """An entry of the table of metrics.

    Attributes
    ----------
    name
        In checkpoints, histories and Python.
    heading, tooltip
        Display texts.
    better
        "higher", "lower", or the value that is best.
    judges
        What `of` compares with the truth (n, c): the "mean" over draws (n, c), or all "draws"
        (K, n, c).
    digits
        After the point.
    """

    name: str
    heading: str
    tooltip: str
    better: Literal["higher", "lower"] | float
    of: Callable[[Array, Array], float]
    judges: Literal["mean", "draws"] = "mean"
    digits: int = 3

    def text(self, value: float) -> str:
        """A value as display text."""
        return f"{value:.{self.digits}f}"

    def loss(self, value: float) -> float:
        """How bad a value is: the lower, the better."""
        if self.better == "higher":
            return -value
        return value if self.better == "lower" else abs(value - float(self.better))


def score(prediction: Array, truth: Array) -> Scores:
    """All metrics of draws (K, n, c), or of values (n, c) that claim no spread, by name."""
    draws = prediction if prediction.ndim == 3 else prediction[None]
    given = {"mean": draws.mean(axis=0, dtype=np.float64), "draws": draws}
    return {name: metric.of(given[metric.judges], truth) for name, metric in METRICS.items()}


def pcc(prediction: Array, truth: Array) -> NDArray[np.float64]:
    """Pearson's correlation across spots of each gene (c,); 0 where either is constant."""
    p, t = _centred(prediction), _centred(truth)
    p_var, t_var = (p**2).mean(axis=0), (t**2).mean(axis=0)
    varies = (p_var > _CONSTANT) & (t_var > _CONSTANT)
    scale = np.sqrt(np.where(varies, p_var * t_var, 1))
    return np.where(varies, (p * t).mean(axis=0) / scale, 0.0)


def pcc_at(prediction: Array, truth: Array, k: int | None = None) -> float:
    """PCC-k: mean of the k highest correlations, or of all where there are fewer.

    A constant prediction counts as 0; a gene with constant truth is left out.
    """
    varies = _variance(truth) > _CONSTANT
    highest = np.sort(pcc(prediction, truth)[varies])[::-1][:k]
    return float(highest.mean()) if len(highest) else 0.0


def mae(prediction: Array, truth: Array) -> float:
    """Mean absolute error over spots and genes."""
    return float(np.abs(prediction - truth).mean(dtype=np.float64))


def mse(prediction: Array, truth: Array) -> float:
    """Mean squared error over spots and genes."""
    return float(((prediction - truth) ** 2).mean(dtype=np.float64))


def rvd(prediction: Array, truth: Array) -> float:
    """Relative variation distance: mean over genes of (var_pred - var_true)^2 / var_true^2.

    A gene with constant truth is left out.
    """
    p_var, t_var = _variance(prediction), _variance(truth)
    varies = t_var > _CONSTANT
    return float(((p_var[varies] / t_var[varies] - 1) ** 2).mean()) if varies.any() else 0.0


def crps(draws: Array, truth: Array) -> float:
    """Continuous ranked probability score, mean over spots and genes.

    E|X - y| - E|X - X'| / 2 with X, X' over all pairs of draws, a draw with itself included
    (Gneiting and Raftery 2007, eq. 21): the score of the draws as the whole predicted
    distribution, so that values without spread score their absolute error. Few draws score a
    little worse than the distribution they come from, by its E|X - X'| / (2 K).
    """
    ordered = np.sort(draws, axis=0)
    k = len(ordered)
    # Half the mean of |a - b| over all pairs of sorted numbers is one weighted sum.
    weight = (2 * np.arange(1, k + 1) - k - 1) / k**2
    half_spread = np.tensordot(weight, ordered, axes=1).mean()
    return float(np.abs(ordered - truth).mean(dtype=np.float64) - half_spread)


def coverage(draws: Array, truth: Array, level: float = 0.9) -> float:
    """Share of true values within the central interval of the draws, borders included.

    A further draw lies below the k-th smallest of K with probability k / (K + 1). Quantiles are
    interpolated between these (Weibull's positions), so that calibrated draws cover `level`
    whatever K is; numpy's default would make 90 % of 20 draws cover 81 %.
    """
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2], axis=0, method="weibull")
    return float(((truth >= low) & (truth <= high)).mean())


def _centred(values: Array) -> NDArray[np.float64]:
    centred: NDArray[np.float64] = values - values.mean(axis=0, dtype=np.float64)
    return centred


def _variance(values: Array) -> NDArray[np.float64]:
    variance: NDArray[np.float64] = values.var(axis=0, dtype=np.float64)
    return variance


METRICS: Mapping[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric(
            "pcc_10", "PCC-10", "Mean of the 10 highest gene-wise Pearson correlations; 1 is best.",
            "higher", partial(pcc_at, k=10),
        ),
        Metric(
            "pcc_50", "PCC-50", "Mean of the 50 highest gene-wise Pearson correlations; 1 is best.",
            "higher", partial(pcc_at, k=50),
        ),
        Metric(
            "pcc_all", "PCC-all", "Mean Pearson correlation over all genes; 1 is best.",
            "higher", pcc_at,
        ),
        Metric("mae", "MAE", "Mean absolute error; 0 is best.", "lower", mae),
        Metric("mse", "MSE", "Mean squared error; 0 is best.", "lower", mse),
        Metric(
            "rvd", "RVD",
            "Relative variation distance of predicted and measured gene variances; 0 is best.",
            "lower", rvd,
        ),
        Metric(
            "crps", "CRPS",
            "Continuous ranked probability score of the draws; 0 is best.",
            "lower", crps, judges="draws",
        ),
        Metric(
            "coverage", "90 % coverage",
            "Share of measured values within the central 90 % of the draws; 0.9 is best.",
            0.9, coverage, judges="draws",
        ),
    )
}  # fmt: skip
# Shown where space is short, the most informative first.
BRIEF = (METRICS["pcc_50"], METRICS["mae"])
