"""Dropout whose masks belong to the rows of a batch, however the batch is split."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import torch
from torch import Tensor, nn

_BLOCK = 8  # rows that a CPU draws at once; a part of a batch draws few that are not its own


@dataclass(slots=True)
class _Masks:
    seed: int
    rows: slice
    block: int
    generator: torch.Generator
    calls: int = 0

    def random(self, shape: torch.Size) -> Tensor:
        """(rows, *shape) numbers from 0 to 1; each block of the batch has its own seed."""
        self.calls += 1
        start, stop, block = self.rows.start, self.rows.stop, self.block
        blocks = []
        for number in range(start // block, -(-stop // block)):
            seed = zlib.crc32(f"{self.seed}/{self.calls}/{number}".encode())
            generator = self.generator.manual_seed(seed)
            blocks.append(torch.rand((block, *shape), device=generator.device, generator=generator))
        return torch.cat(blocks)[start % block :][: stop - start]


_masks: ContextVar[_Masks] = ContextVar("masks")


@contextmanager
def dropout_of(seed: int, rows: slice, total: int, device: torch.device) -> Iterator[None]:
    """Within, `Dropout` masks rows of a batch as it would mask them in a pass of the whole batch.

    Parameters
    ----------
    seed
        Of the masks of the batch, whose modules are called in the same order for each part.
    rows
        From where to where the pass goes, of `total`.
    """
    block = _BLOCK if device.type == "cpu" else total  # a device takes long to begin anything
    token = _masks.set(_Masks(seed, rows, block, torch.Generator(device)))
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
        kept = _masks.get().random(x.shape[1:]) >= self.share
        return x * kept.to(x.dtype) / (1 - self.share)
