"""Figures of merit in the log space; arrays in, numbers out.

Predictions are (n, c) or, as draws, (K, n, c); truth is (n, c): n spots, c genes. No figure is
ever NaN: genes whose truth is constant are left out of PCC-k and RVD, and where none is left the
figure is 0.
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
    """What is reported of a method.

    Attributes
    ----------
    pcc_10, pcc_50, pcc_all
        Mean of the 10, 50 and all highest correlations of genes.
    mae, mse, rvd
        Of the mean over draws.
    crps
        Of the draws.
    coverage
        Share of true values in the central 90 % intervals of the draws.
    """

    pcc_10: float
    pcc_50: float
    pcc_all: float
    mae: float
    mse: float
    rvd: float
    crps: float
    coverage: float


def score(prediction: Array, truth: Array) -> Scores:
    """All figures of draws (K, n, c), or of values (n, c) that claim no spread."""
    draws = prediction if prediction.ndim == 3 else prediction[None]
    mean = draws.mean(axis=0, dtype=np.float64)
    return Scores(
        pcc_10=pcc_at(mean, truth, 10),
        pcc_50=pcc_at(mean, truth, 50),
        pcc_all=pcc_at(mean, truth, truth.shape[1]),
        mae=mae(mean, truth),
        mse=mse(mean, truth),
        rvd=rvd(mean, truth),
        crps=crps(draws, truth),
        coverage=coverage(draws, truth),
    )


def pcc(prediction: Array, truth: Array) -> NDArray[np.float64]:
    """Pearson's correlation across spots of each gene (c,); 0 where either is constant."""
    p, t = _centred(prediction), _centred(truth)
    p_var, t_var = (p**2).mean(axis=0), (t**2).mean(axis=0)
    varies = (p_var > _CONSTANT) & (t_var > _CONSTANT)
    scale = np.sqrt(np.where(varies, p_var * t_var, 1))
    return np.where(varies, (p * t).mean(axis=0) / scale, 0.0)


def pcc_at(prediction: Array, truth: Array, k: int) -> float:
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
