"""Dropout whose masks belong to the rows of a batch, however the batch is split."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class _Masks:
    generator: torch.Generator
    rows: slice | Tensor
    total: int


_masks: ContextVar[_Masks] = ContextVar("masks")


@contextmanager
def dropout_of(seed: int, rows: slice | Tensor, total: int, device: torch.device) -> Iterator[None]:
    """Within, `Dropout` masks rows of a batch as it would mask them in a pass of the whole batch.

    Parameters
    ----------
    seed
        Of the masks of the batch, whose modules are called in the same order for each part.
    rows
        Those that the pass holds, of `total`.
    """
    generator = torch.Generator(device).manual_seed(seed)
    token = _masks.set(_Masks(generator, rows, total))
    try:
        yield
    finally:
        _masks.reset(token)


class Dropout(nn.Module):
    """Sets a share of the numbers to zero in training, which takes place within `dropout_of`."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, x: Tensor) -> Tensor:
        """Any (n, ...) to the same shape."""
        if not (self.training and self.share):
            return x
        masks = _masks.get()
        shape = (masks.total, *x.shape[1:])
        random = torch.rand(shape, device=x.device, generator=masks.generator)[masks.rows]
        return x * (random >= self.share) / (1 - self.share)
