"""Processes that train one network together, each on its share of every batch."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

import torch
from lightning_fabric import Fabric
from torch import Tensor

from napari_stem.model.fit_config import FitConfig

# By which launchers number processes, or nodes; this program, torchrun and SLURM among them.
_RANKS = ("LOCAL_RANK", "NODE_RANK", "RANK", "GROUP_RANK", "SLURM_PROCID")


def follows() -> bool:
    """Whether this process was started to help another one, which shows and saves what comes."""
    return any(int(os.environ.get(name, 0)) for name in _RANKS)


class Team:
    """One process for each device of each node, of which the first decides, saves and reports.

    Each process makes the same random numbers for a whole batch and computes its share of the
    rows, so that a run has the same losses on any number of processes, apart from rounding.

    Parameters
    ----------
    device
        "auto", "cpu", "cuda" or "mps".
    devices
        How many of a node; processes where the device is the CPU.
    nodes
        How many machines, each of which runs the same command: under SLURM or torchrun, or started
        by hand with NODE_RANK, MASTER_ADDR and MASTER_PORT.
    """

    def __init__(self, device: str, config: FitConfig, *, devices: int = 1, nodes: int = 1) -> None:
        several = devices * nodes > 1
        self.fabric = Fabric(
            accelerator=device,
            devices=devices,
            num_nodes=nodes,
            strategy="ddp" if several else "auto",
            precision=config.precision,
        )
        self.fabric.launch()

    @property
    def leads(self) -> bool:
        """Whether this is the first process."""
        return self.fabric.global_rank == 0

    @property
    def alone(self) -> bool:
        """Whether this is the only process."""
        return bool(self.fabric.world_size == 1)

    def share(self, n: int) -> slice:
        """The rows of a batch of `n` that this process computes."""
        rank, size = self.fabric.global_rank, self.fabric.world_size
        return slice(n * rank // size, n * (rank + 1) // size)

    def add_up(self, values: Sequence[Tensor]) -> None:
        """Replace values by their sums over processes."""
        if not self.alone:
            joined = torch.cat([value.flatten() for value in values])
            sums = torch.split(self._sum(joined), [value.numel() for value in values])
            for value, total in zip(values, sums, strict=True):
                value.copy_(total.view_as(value))

    def call(self, step: bool, seconds: float = 0.0) -> float | None:
        """Ask the others for another step, or tell them that it was the last.

        Parameters
        ----------
        step, seconds
            Of the first process: whether it takes a step, and how long it has trained.

        Returns
        -------
        The seconds of the first process; None if there is no further step.
        """
        if self.alone:
            return seconds if step else None
        told = torch.tensor([step and self.leads, seconds], device=self.fabric.device)
        on, since = self._sum(told).tolist()
        return since if on else None

    def _sum(self, value: Tensor) -> Tensor:
        found = self.fabric.all_reduce(value, reduce_op="sum")
        assert isinstance(found, Tensor)
        return found

    def leave(self) -> NoReturn:
        """End a process that only helps."""
        sys.exit()
