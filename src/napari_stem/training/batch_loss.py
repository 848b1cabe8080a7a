"""Loss and gradient of a batch, summed over parts that workers compute side by side."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import torch
from torch import Tensor

from napari_stem.devices import is_out_of_memory
from napari_stem.events import Check
from napari_stem.model.diffusion import Schedule, diffusion_loss
from napari_stem.model.dropout import dropout_of
from napari_stem.model.network import StemNetwork
from napari_stem.workers import Workers

Lesson: TypeAlias = Callable[["Batch", Check], "Batch"]
"""From spots of a batch to those that are learned in their place."""

_CPU_PASS = 1.2e8  # multiplications of a forward pass: about as many as suit the cache of a core
_SHORT = 1e9  # multiplications of a batch that one core computes within a fraction of a second


@dataclass(frozen=True, slots=True)
class Batch:
    """Spots of one training step: values (n, c), conditions (n, S), timesteps (n,), noise (n, c).

    Attributes
    ----------
    seed
        Of the dropout.
    """

    x_start: Tensor
    condition: Tensor
    t: Tensor
    noise: Tensor
    seed: int = 0

    def __len__(self) -> int:
        return len(self.x_start)

    def some(self, rows: slice | Tensor) -> Batch:
        """Only these spots."""
        return Batch(
            self.x_start[rows], self.condition[rows], self.t[rows], self.noise[rows], self.seed
        )

    @classmethod
    def joined(cls, parts: Sequence[Batch]) -> Batch:
        """The spots of several batches in one."""
        x_start, condition, t, noise = (
            torch.cat([getattr(part, name) for part in parts])
            for name in ("x_start", "condition", "t", "noise")
        )
        return cls(x_start, condition, t, noise, parts[0].seed)


def is_short(network: StemNetwork, rows: int) -> bool:
    """Whether a step is so short that a worker leads it, or a device computes it."""
    on_cpu = next(network.parameters()).device.type == "cpu"
    return not on_cpu or network.multiplications(rows) < _SHORT


class BatchLoss:
    """The loss of a network on one batch after the other, and its gradient.

    The parts of a batch have the same rows whatever the number of workers, and are summed in order,
    so that the numbers do not depend on it. Parts become smaller while memory runs out.

    Parameters
    ----------
    forward
        The network as it is called, in the precision of the training.
    workers
        Compute the parts.
    short
        Whether this is called in one of them, which takes part.
    most
        Rows of a part.
    lesson
        Replaces a part before the network learns it.
    """

    def __init__(
        self,
        network: StemNetwork,
        forward: Callable[..., Tensor],
        schedule: Schedule,
        workers: Workers,
        lesson: Lesson | None = None,
        *,
        short: bool = False,
        most: int,
    ) -> None:
        self._lesson = lesson
        self._forward, self._schedule = forward, schedule
        self._results = workers.iter_shared if short else workers.iter_results
        self._parameters = [p for p in network.parameters() if p.requires_grad]
        on_cpu = next(network.parameters()).device.type == "cpu"
        parts = max(1, round(network.multiplications(most) / _CPU_PASS)) if on_cpu else 1
        self._rows = math.ceil(most / parts)

    def iter_value(self, batch: Batch) -> Generator[None, None, Tensor]:
        """The loss; yields while it is awaited. Closing the generator stops within a layer."""
        (value,) = yield from self._iter_sum(batch, slice(0, len(batch)), self._value)
        return value

    def iter_gradient(self, batch: Batch, share: slice) -> Generator[None, None, list[Tensor]]:
        """What a share of a batch adds to the loss, and to the gradient of each parameter."""
        return (yield from self._iter_sum(batch, share, self._gradient))

    def _iter_sum(
        self, batch: Batch, share: slice, evaluate: Callable[[Batch, slice, Check], list[Tensor]]
    ) -> Generator[None, None, list[Tensor]]:
        """What `evaluate` gives of all parts of some rows, added up as they come."""
        while True:
            n = share.stop - share.start
            size = math.ceil(n / math.ceil(n / self._rows))  # equal, so that workers end together
            starts = range(share.start, share.stop, size)
            parts = (slice(start, min(start + size, share.stop)) for start in starts)
            jobs = (partial(evaluate, batch, rows) for rows in parts)
            total: list[Tensor] = []
            try:
                with closing(self._results(jobs)) as results:
                    for found in results:
                        if found is None:
                            yield
                        elif total:
                            torch._foreach_add_(total, found)
                        else:
                            total = found
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error) or self._rows == 1:
                    raise
                self._rows = (self._rows + 1) // 2
            else:
                return total

    def _value(self, batch: Batch, rows: slice, check: Check) -> list[Tensor]:
        with torch.no_grad():
            return [self._loss(batch, rows, check)]

    def _gradient(self, batch: Batch, rows: slice, check: Check) -> list[Tensor]:
        with dropout_of(batch.seed, rows, len(batch), batch.x_start.device):
            loss = self._loss(batch, rows, check)
            return [loss.detach(), *torch.autograd.grad(loss, self._parameters)]

    def _loss(self, batch: Batch, rows: slice, check: Check) -> Tensor:
        part = batch.some(rows)
        if self._lesson:
            part = self._lesson(part, check)
        loss = diffusion_loss(
            self._forward, part.x_start, part.condition, self._schedule,
            t=part.t, noise=part.noise, check=check,
        )  # fmt: skip
        return loss * (len(part) / len(batch))
