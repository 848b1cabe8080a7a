"""Fits the factors of expression that counts are drawn from (`model.readout.Counts`).

A conditional factor model: factors u of a spot are normal around what its histology tells
linearly, counts are negative binomial around exp(bias + u @ loadings). It is fitted by maximising
the evidence lower bound, with a normal distribution of each spot's factors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from napari_stem.events import Check, Events, Progress
from napari_stem.model.negative_binomial import log_likelihood
from napari_stem.model.readout import Counts
from napari_stem.workers import Workers

_STEPS = 600
_RATE, _BASE_RATE = 2e-2, 6e-3  # the histology's part grows more slowly
_ALONE_STEPS, _ALONE_RATE = 150, 1e-1  # where all but the factors of spots is known
_MOST_SPOTS = 4096  # from which factors are learned; all spots get theirs
_START_SPREAD = -1.0  # logarithm
_PSEUDOCOUNT = 0.5
_HIGHEST = 12.0  # logarithm of a rate while it is learned, beyond any count


@dataclass(frozen=True, slots=True, eq=False)
class CountedSpots:
    """Spots whose counts and conditions are known.

    Attributes
    ----------
    counts
        (n, c) of the panel.
    log_depth
        (n, 1) logarithm of all counts of a spot per 10,000; zeros where depth is learned along.
    condition
        (n, S) of the patches as they are.
    """

    counts: Tensor
    log_depth: Tensor
    condition: Tensor

    def __getitem__(self, rows: Tensor) -> CountedSpots:
        return CountedSpots(self.counts[rows], self.log_depth[rows], self.condition[rows])


@dataclass(frozen=True, slots=True, eq=False)
class Factors:
    """What counts tell of the numbers that a network learns to draw.

    Attributes
    ----------
    mean, spread
        (n, q) of the normal distribution of a spot's numbers.
    """

    mean: Tensor
    spread: Tensor


def iter_fit_counts(
    spots: CountedSpots, factors: int, noise: Tensor, depth: float, seed: int
) -> Events[Counts]:
    """Fit so many factors to the counts of training spots, of at most 4,096.

    Parameters
    ----------
    noise
        (S,) standard deviation of the noise that training adds to conditions. Its expected
        effect is a penalty on what the histology tells, as in ridge regression.
    depth
        Of the draws, all genes together; 0 where depth is learned along.
    """
    random = torch.Generator().manual_seed(seed)
    chosen = torch.randperm(len(spots.counts), generator=random)[:_MOST_SPOTS]
    some = spots[chosen.sort().values]
    learned = _Learned(some, min(factors, *some.counts.shape), depth)
    optimizer = torch.optim.Adam(learned.groups(), lr=_RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, _STEPS)

    def loss() -> Tensor:
        readout = learned.readout()
        penalty = ((noise[:, None] * readout.base / readout.spread) ** 2).sum() / 2
        divergence = _divergence(some, readout, learned.mean, learned.log_spread, random)
        return divergence / len(chosen) + penalty

    def step() -> None:
        _descend(optimizer, loss)
        schedule.step()

    for done in _iter_repeat(step, _STEPS):
        yield Progress(done, _STEPS, "factors")
    return learned.finished()


def iter_factors(readout: Counts, spots: CountedSpots, seed: int) -> Events[Factors]:
    """What the counts of spots tell of the numbers that a network draws, in blocks of spots."""
    means, spreads = [], []
    for rows in torch.split(torch.arange(len(spots.counts)), _MOST_SPOTS):
        block = spots[rows]
        expected = block.condition @ readout.base
        mean, log_spread = _leaf(expected), _leaf(torch.full_like(expected, _START_SPREAD))
        optimizer = torch.optim.Adam([mean, log_spread], lr=_ALONE_RATE)
        random = torch.Generator().manual_seed(seed)
        loss = partial(_divergence, block, readout, mean, log_spread, random)
        for done in _iter_repeat(partial(_descend, optimizer, loss), _ALONE_STEPS):
            found = int(rows[0]) + len(rows) * done // _ALONE_STEPS
            yield Progress(found, len(spots.counts), "factors of spots")
        means.append(((mean - expected) / readout.spread).detach())
        spreads.append((log_spread.exp() / readout.spread).detach())
    return Factors(torch.cat(means), torch.cat(spreads))


class _Learned:
    """Everything that is learned, from the principal components of the logarithms of counts."""

    def __init__(self, spots: CountedSpots, factors: int, depth: float) -> None:
        n, genes = spots.counts.shape
        logs = (spots.counts + _PSEUDOCOUNT).log() - spots.log_depth
        self._bias = _leaf(logs.mean(dim=0))
        left, scale, right = torch.linalg.svd(logs - self._bias.detach(), full_matrices=False)
        self.mean = _leaf(left[:, :factors] * n**0.5)
        self.log_spread = _leaf(torch.full((n, factors), _START_SPREAD))
        self._loadings = _leaf(right[:factors] * scale[:factors, None] / n**0.5)
        self._base = _leaf(torch.zeros(spots.condition.shape[1], factors))
        self._log_spread_between = _leaf(torch.zeros(factors))
        self._log_size = _leaf(torch.ones(genes))
        self._depth = torch.tensor(depth)

    def groups(self) -> list[dict[str, Any]]:
        """Parameters of the optimiser."""
        return [
            {
                "params": [
                    self.mean, self.log_spread, self._bias, self._loadings,
                    self._log_spread_between, self._log_size,
                ]
            },
            {"params": [self._base], "lr": _BASE_RATE},
        ]  # fmt: skip

    def readout(self) -> Counts:
        """At this step."""
        return Counts(
            base=self._base,
            spread=self._log_spread_between.exp(),
            loadings=self._loadings,
            bias=self._bias,
            log_size=self._log_size,
            highest=torch.full_like(self._bias, _HIGHEST),
            depth=self._depth,
        )

    def finished(self) -> Counts:
        """At the end, with rates no higher than those of these spots."""
        last = Counts(**self.readout().tensors())
        return replace(last, highest=last.log_rates(self.mean.detach()).max(dim=0).values)


def _divergence(
    spots: CountedSpots, readout: Counts, mean: Tensor, log_spread: Tensor, random: torch.Generator
) -> Tensor:
    """Minus the evidence lower bound of all spots, up to a constant, by one sample of factors."""
    factors = mean + log_spread.exp() * torch.randn(mean.shape, generator=random)
    log_mean = readout.log_rates(factors) + spots.log_depth
    likelihood = log_likelihood(spots.counts, log_mean, readout.log_size)
    away = (mean - spots.condition @ readout.base) / readout.spread
    narrower = log_spread - readout.spread.log()
    return ((2 * narrower).exp() / 2 + away**2 / 2 - narrower).sum() - likelihood.sum()


def _iter_repeat(step: Callable[[], None], times: int) -> Iterator[int]:
    """Repeat a step on one core; yields how often it was done. Closing stops between two."""
    done = 0

    def repeat(check: Check) -> None:
        nonlocal done
        while done < times:
            check()
            step()
            done += 1

    with Workers(torch.device("cpu")) as workers, closing(workers.iter_results([repeat])) as works:
        for _ in works:
            yield done


def _descend(optimizer: torch.optim.Optimizer, loss: Callable[[], Tensor]) -> None:
    optimizer.zero_grad()
    loss().backward()  # type: ignore[no-untyped-call]
    optimizer.step()


def _leaf(values: Tensor) -> Tensor:
    return values.detach().clone().requires_grad_()
