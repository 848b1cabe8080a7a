"""Figures of merit in the log space; arrays in, numbers out.

Predictions are (n, c) means or (K, n, c) draws, truth is (n, c): n spots, c genes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.floating]

_CONSTANT = 1e-12  # variance below which a gene says nothing


@dataclass(frozen=True, slots=True)
class Scores:
    """What is reported of a method: PCC-k, MAE, MSE and RVD of the mean; CRPS and the coverage of
    central 90 % intervals of the draws.
    """  # noqa: D205

    pcc_10: float
    pcc_50: float
    pcc_all: float
    mae: float
    mse: float
    rvd: float
    crps: float
    coverage: float


def score(draws: Array, truth: Array) -> Scores:
    """All figures of draws (K, n, c); their mean is the prediction."""
    mean = draws.mean(axis=0)
    correlation = pcc(mean, truth)
    return Scores(
        pcc_10=pcc_at(correlation, 10),
        pcc_50=pcc_at(correlation, 50),
        pcc_all=pcc_at(correlation, len(correlation)),
        mae=float(np.abs(mean - truth).mean()),
        mse=float(((mean - truth) ** 2).mean()),
        rvd=rvd(mean, truth),
        crps=crps(draws, truth),
        coverage=coverage(draws, truth),
    )


def pcc(prediction: Array, truth: Array) -> NDArray[np.float64]:
    """Pearson's correlation across spots of each gene (c,).

    A constant prediction has correlation 0. A gene whose truth is constant has no correlation and
    is NaN, which `pcc_at` leaves out.
    """
    p, t = (
        np.asarray(a, np.float64) - a.mean(axis=0, dtype=np.float64) for a in (prediction, truth)
    )
    p_var, t_var = (p**2).mean(axis=0), (t**2).mean(axis=0)
    product = (p * t).mean(axis=0)
    known = (p_var > _CONSTANT) & (t_var > _CONSTANT)
    found = np.where(known, product / np.sqrt(np.where(known, p_var * t_var, 1)), 0.0)
    return np.where(t_var > _CONSTANT, found, np.nan)


def pcc_at(correlation: Array, k: int) -> float:
    """PCC-k: mean of the k highest correlations (paper, section 4.2); 0 where there are none."""
    known = np.sort(correlation[~np.isnan(correlation)])[::-1]
    return float(known[:k].mean()) if len(known) else 0.0


def rvd(prediction: Array, truth: Array) -> float:
    """Relative variation distance: mean over genes of (var_pred - var_true)^2 / var_true^2.

    Genes whose truth is constant are left out; 0 where all are.
    """
    p_var, t_var = prediction.var(axis=0, dtype=np.float64), truth.var(axis=0, dtype=np.float64)
    known = t_var > _CONSTANT
    return float(((p_var[known] / t_var[known] - 1) ** 2).mean()) if known.any() else 0.0


def crps(draws: Array, truth: Array) -> float:
    """Continuous ranked probability score of the ensemble, mean over spots and genes.

    E|X - y| - E|X - X'| / 2 with X, X' over the draws (Gneiting and Raftery 2007, eq. 21); of a
    single draw this is the absolute error.
    """
    ordered = np.sort(draws, axis=0).astype(np.float64)
    k = len(ordered)
    # Sum over pairs |a - b| of sorted numbers, in one pass.
    weight = (2 * np.arange(1, k + 1) - k - 1) / k**2
    return float(np.abs(ordered - truth).mean() - np.tensordot(weight, ordered, axes=1).mean())


def coverage(draws: Array, truth: Array, level: float = 0.9) -> float:
    """Share of true values within the central interval of the draws, borders included.

    A further draw lies below the k-th smallest of K with probability k / (K + 1), so that the
    interval takes these as quantiles (Weibull's); numpy's default would be too narrow for few.
    """
    cuts = [(1 - level) / 2, (1 + level) / 2]
    low, high = np.quantile(draws, cuts, axis=0, method="weibull")
    return float(((truth >= low) & (truth <= high)).mean())
