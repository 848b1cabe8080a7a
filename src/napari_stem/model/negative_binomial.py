"""The negative binomial distribution of counts, by its mean and its size.

Its variance is mean + mean^2 / size: the smaller the size, the wider it is.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.special import gammaincinv
from torch import Tensor

_LARGE = 50.0  # counts, from which on a continuous distribution is close enough
_MOST = 2000  # counts, where a search ends whatever rounding does
_FIRST_BLOCK, _BLOCK = 4, 32  # counts that are looked at together: few at first, as most are low


def log_likelihood(counts: Tensor, log_mean: Tensor, log_size: Tensor) -> Tensor:
    """Logarithm of the probability of counts, up to a constant that depends on them alone."""
    size = log_size.exp()
    total = torch.logaddexp(log_size, log_mean)
    return (
        torch.lgamma(counts + size)
        - torch.lgamma(size)
        + size * (log_size - total)
        + counts * (log_mean - total)
    )


def quantile(normal: Tensor, mean: Tensor, size: Tensor) -> Tensor:
    """The counts that a standard normal number stands for, by equal probabilities.

    Exact for means below 50; above, by the gamma distribution of the same mean and variance.

    Parameters
    ----------
    normal
        (...) standard normal numbers; which side of the mean they lie on, the counts do, too.
    mean, size
        Of the distributions; shapes broadcast.

    Returns
    -------
    (...) whole numbers in the precision of `mean`.
    """
    normal, mean, size = torch.broadcast_tensors(normal, mean, size)  # type: ignore[no-untyped-call]
    given = torch.stack([each.flatten().double().cpu() for each in (normal, mean, size)])
    few = given[1] < _LARGE
    counts = torch.empty_like(given[1])
    for kind, find in ((few, _searched), (~few, _of_gamma)):
        these = kind.nonzero()[:, 0]
        counts[these] = find(*given.index_select(1, these))
    return counts.to(mean).view(mean.shape)


def _of_gamma(normal: Tensor, mean: Tensor, size: Tensor) -> Tensor:
    """(n,) float64 quantiles, rounded."""
    shape = 1 / (1 / mean + 1 / size)
    share = gammaincinv(shape.numpy(), torch.special.ndtr(normal).numpy())
    return (torch.from_numpy(np.asarray(share)) * mean / shape - 0.5).clamp(min=0).round()


def _searched(normal: Tensor, mean: Tensor, size: Tensor) -> Tensor:
    """Add up probabilities from zero counts on, (n,) float64; those that are found drop out."""
    wanted = torch.special.ndtr(normal)
    probability = (-size * torch.log1p(mean / size)).exp()
    success = mean / (size + mean)
    counts = torch.zeros_like(wanted)
    left = (probability < wanted).nonzero()[:, 0]
    state = torch.stack([wanted, success, success * (size - 1), probability, probability])
    state = state.index_select(1, left)
    start, block = 0, _FIRST_BLOCK
    while len(left) and start < _MOST:
        wanted, success, slope, probability, reached = state[:, :, None]
        count = torch.arange(start + 1, start + block + 1, dtype=wanted.dtype)
        # P(k) = P(k - 1) success (k - 1 + size) / k
        probabilities = probability * torch.addcmul(success, slope, 1 / count).cumprod(dim=1)
        sums = reached + probabilities.cumsum(dim=1)
        too_few = (sums < wanted).sum(dim=1)
        counts[left] = (start + 1 + too_few).to(counts)
        state[3:] = torch.stack([probabilities[:, -1], sums[:, -1]])
        further = (too_few == block).nonzero()[:, 0]
        left, state = left.index_select(0, further), state.index_select(1, further)
        start, block = start + block, min(_BLOCK, 2 * block)
    return counts
