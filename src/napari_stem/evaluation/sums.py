"""What metrics are made of: sums over spots, collected block by block of draws.

Sums are kept for groups of spots, so that the bootstrap weights groups instead of scoring again.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Self

import numpy as np

from napari_stem.evaluation.drawn import blocks
from napari_stem.events import go_on

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_stem.evaluation.drawn import Draws
    from napari_stem.events import Check

    Array = NDArray[np.floating]
    Float = NDArray[np.float64]

LEVELS = (50, 80, 90, 95)  # % of central intervals
PIT_BINS = 10


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """Sums over the spots of u groups or, once weighted, of u samples of the spots.

    Attributes
    ----------
    spots
        (u,) number of spots.
    truth, truth_squared, mean, mean_squared, product
        (u, c) of measured values and of the mean over draws. Both are relative to one value a
        gene, so that squares lose no digits.
    absolute, squared
        (u, c) errors of the mean over draws.
    crps
        (u, c) of `fair_crps`.
    covered
        (u, levels, c) spots within each central interval of `LEVELS`.
    energy
        (u, 1) of `energy_score`.
    pit
        (u, bins) of `pit_histogram`.
    """

    spots: Float
    truth: Float
    truth_squared: Float
    mean: Float
    mean_squared: Float
    product: Float
    absolute: Float
    squared: Float
    crps: Float
    covered: Float
    energy: Float
    pit: Float

    @classmethod
    def of_draws(
        cls, draws: Draws, truth: Array, groups: NDArray[np.intp], check: Check = go_on
    ) -> Self:
        """Sums of draws against the truth (n, c), over the groups (n,) 0 … u - 1 of spots."""
        origin = truth.mean(axis=0, dtype=np.float64)
        member = np.arange(groups.max() + 1)[:, None]
        totals: dict[str, Float] = {}
        for rows in blocks(len(truth)):
            check()
            inside = (groups[rows] == member).astype(np.float64)
            parts = _parts(draws.read(rows), truth[rows], origin, antithetic=draws.antithetic)
            for name, values in parts.items():
                found = np.tensordot(inside, values, axes=1)
                totals[name] = totals[name] + found if name in totals else found
        return cls(**totals)

    def weighted(self, weights: Float) -> Self:
        """Sums of samples that hold each group as often as `weights` (samples, u) say."""
        parts = (np.tensordot(weights, getattr(self, f.name), axes=1) for f in fields(self))
        return type(self)(*parts)


def fair_crps(draws: Array, truth: Array, *, antithetic: bool = False) -> Float:
    """Fair continuous ranked probability score (...) of draws (K, ...) (Ferro 2014).

    E|X - y| - E|X - X'| / 2, the second mean over pairs of different draws: the expected score of
    the distribution that the draws come from, whatever K is. A single draw scores its absolute
    error.

    Parameters
    ----------
    antithetic
        Leaves out the pairs of draws 2k and 2k + 1, which are not independent.
    """
    return _crps(np.sort(draws, axis=0), draws, truth, antithetic)


def energy_score(draws: Array, truth: Array, *, antithetic: bool = False) -> Float:
    """Fair energy score (n,) of draws (K, n, c): CRPS of whole vectors (Gneiting, Raftery 2007).

    E|X - y| - E|X - X'| / 2 with Euclidean norms over genes, pairs as in `fair_crps`.
    """
    errors = np.moveaxis(draws - truth, 0, 1)
    squares = (errors**2).sum(axis=-1, dtype=np.float64)
    found: Float = np.sqrt(squares).mean(axis=1)
    pairs = _pairs(len(draws), antithetic)
    if len(pairs[0]):
        products = (errors @ errors.swapaxes(1, 2))[:, pairs[0], pairs[1]]
        apart = squares[:, pairs[0]] + squares[:, pairs[1]] - 2.0 * products
        found = found - np.sqrt(np.maximum(apart, 0)).mean(axis=1) / 2
    return found


def central_interval(ordered: Array, level: float) -> tuple[Array, Array]:
    """Ends (...) of a central interval of sorted draws (K, ...).

    A further draw lies below the k-th smallest of K with probability k / (K + 1). Quantiles are
    interpolated between these (Weibull's positions), so that calibrated draws cover `level`
    whatever K is; numpy's default would make 90 % of 20 draws cover 81 %.
    """
    return _quantile(ordered, (1 - level) / 2), _quantile(ordered, (1 + level) / 2)


def pit_histogram(draws: Array, truth: Array) -> Float:
    """How much of each truth (n, ...) lies in each tenth of its draws (K, n, ...): (n, bins).

    The probability integral transform, without randomness (Czado and others 2009): a value that
    equals e of K draws and exceeds a is spread evenly over a / (K + 1) … (a + e + 1) / (K + 1).
    Calibrated draws fill all bins alike.
    """
    low = (draws < truth).sum(axis=0)
    width = (draws == truth).sum(axis=0) + 1
    edges = np.arange(1, PIT_BINS) / PIT_BINS * (len(draws) + 1)
    over = tuple(range(1, truth.ndim))
    below = [np.clip((edge - low) / width, 0, 1).sum(axis=over) for edge in edges]
    full = np.full(len(truth), truth[0].size, np.float64)
    return np.diff(np.stack([0 * full, *below, full], axis=-1), axis=-1)


def _parts(draws: Array, truth: Array, origin: Float, *, antithetic: bool) -> dict[str, Float]:
    """The terms (b, ...) of each sum, of one block of draws (K, b, c)."""
    mean = draws.mean(axis=0, dtype=np.float64)
    p, t, error = mean - origin, truth - origin, mean - truth
    ordered = np.sort(draws, axis=0)
    ends = [central_interval(ordered, level / 100) for level in LEVELS]
    return {
        "spots": np.ones(len(truth)),
        "truth": t,
        "truth_squared": t**2,
        "mean": p,
        "mean_squared": p**2,
        "product": p * t,
        "absolute": np.abs(error),
        "squared": error**2,
        "crps": _crps(ordered, draws, truth, antithetic),
        "covered": np.stack([(truth >= a) & (truth <= b) for a, b in ends], 1).astype(float),
        "energy": energy_score(draws, truth, antithetic=antithetic)[:, None],
        "pit": pit_histogram(draws, truth),
    }


def _crps(ordered: Array, draws: Array, truth: Array, antithetic: bool) -> Float:
    k = len(ordered)
    error: Float = np.abs(ordered - truth).mean(axis=0, dtype=np.float64)
    n_pairs = len(_pairs(k, antithetic)[0])
    if not n_pairs:
        return error
    # The sum of |a - b| over all pairs of sorted numbers is one weighted sum.
    apart = np.tensordot(2.0 * np.arange(1, k + 1) - k - 1, ordered, axes=1)
    if n_pairs < k * (k - 1) // 2:
        apart = apart - np.abs(draws[0 : k - 1 : 2] - draws[1:k:2]).sum(axis=0, dtype=np.float64)
    error -= apart / n_pairs / 2
    return error


def _pairs(k: int, antithetic: bool) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Different draws whose distances tell the spread; two that mirror each other tell it alone."""
    first, second = np.triu_indices(k, 1)
    if antithetic and k > 2:
        independent = first // 2 != second // 2
        return first[independent], second[independent]
    return first, second


def _quantile(ordered: Array, level: float) -> Array:
    position = float(np.clip(level * (len(ordered) + 1) - 1, 0, len(ordered) - 1))
    below = int(position)
    above = min(below + 1, len(ordered) - 1)
    share = position - below
    found: Array = (1 - share) * ordered[below] + share * ordered[above]
    return found
