"""The bootstrap over spots: groups of neighbours, and how often a sample holds each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

SAMPLES = 200
_LEVEL = 0.95


def spot_groups(xy: NDArray[np.float64], most: int) -> NDArray[np.intp]:
    """Compact groups (n,) of neighbouring spots, as many as a power of two up to `most`.

    Neighbours resemble each other: a bootstrap over single spots would give intervals that are
    too narrow. Few spots are a group each.
    """
    groups = np.zeros(len(xy), dtype=np.intp)
    if len(xy) <= most:
        return np.arange(len(xy))
    for level in range(int(np.log2(most))):
        for group in range(2**level):
            rows = np.flatnonzero(groups == group)
            axis = int(np.argmax(np.ptp(xy[rows], axis=0)))
            upper = rows[np.argsort(xy[rows, axis], kind="stable")[len(rows) // 2 :]]
            groups[upper] += 2**level
    return groups


def sample_weights(n_groups: int, samples: int = SAMPLES) -> NDArray[np.float64]:
    """How often each of `samples` bootstrap samples holds each group; before them, all once."""
    random = np.random.default_rng(0)
    drawn = random.multinomial(n_groups, np.full(n_groups, 1 / n_groups), size=samples)
    return np.concatenate([np.ones((1, n_groups)), drawn])


def interval(value: float, samples: NDArray[np.float64]) -> tuple[float, float]:
    """The central 95 % of bootstrap samples of a value.

    Samples repeat spots, which lets correlations look noisier than they are; the interval is
    shifted so that the mean of the samples is the value.
    """
    low, high = np.quantile(samples, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
    shift = value - samples.mean()
    return float(low + shift), float(high + shift)
