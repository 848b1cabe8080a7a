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
    few = mean < _LARGE
    counts = torch.empty_like(mean)
    for these, find in ((few, _searched), (~few, _of_gamma)):
        given = (each[these].double().cpu() for each in (normal, mean, size))
        counts[these] = find(*given).to(counts)
    return counts


def _of_gamma(normal: Tensor, mean: Tensor, size: Tensor) -> Tensor:
    """(n,) float64 quantiles, rounded."""
    shape = 1 / (1 / mean + 1 / size)
    share = gammaincinv(shape.numpy(), torch.special.ndtr(normal).numpy())
    return (torch.from_numpy(np.asarray(share)) * mean / shape - 0.5).clamp(min=0).round()


def _searched(normal: Tensor, mean: Tensor, size: Tensor) -> Tensor:
    """Add up probabilities from zero counts on, (n,) float64; those that are found drop out."""
    wanted = torch.special.ndtr(normal)
    success = mean / (size + mean)
    probability = (-size * torch.log1p(mean / size)).exp()
    counts = torch.zeros_like(wanted)
    reached = probability.clone()
    open_ = (reached < wanted).nonzero()[:, 0]
    wanted, success, size = wanted[open_], success[open_], size[open_]
    probability, reached = probability[open_], reached[open_]
    for count in range(1, _MOST):
        if not len(open_):
            break
        probability = probability * success * (count - 1 + size) / count
        reached = reached + probability
        counts[open_] = count
        left = reached < wanted
        open_, wanted, success, size = open_[left], wanted[left], success[left], size[left]
        probability, reached = probability[left], reached[left]
    return counts
