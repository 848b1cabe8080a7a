"""Draws of spots, batch by batch, by workers that compute side by side."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Self, TypeVar

import numpy as np
import torch
from torch import Tensor

from napari_stem.devices import choose_device, free_memory, is_out_of_memory
from napari_stem.errors import Hint, OptionError, Remedy
from napari_stem.events import Check
from napari_stem.features.compute import Compute
from napari_stem.model.compiling import compile_blocks
from napari_stem.model.diffusion import Schedule, denoiser
from napari_stem.model.network import StemNetwork
from napari_stem.model.readout import Readout
from napari_stem.model.spot_noise import gene_noise
from napari_stem.prediction.options import PredictOptions
from napari_stem.workers import Workers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_stem.prediction.draws import DrawStore

T = TypeVar("T")

# Multiplications of an evaluation, and its most rows: on a CPU, what fits in the cache of a core.
_CPU_PASS, _CPU_ROWS = 1e9, 256
_GPU_PASS, _GPU_ROWS = 1e12, 4096


@dataclass(slots=True)
class _Batch:
    """Draws of some spots that are made together, and their finished share."""

    spots: NDArray[np.intp]
    draws: Sequence[int]
    share: float = 0.0


class Drawer:
    """Draws of spots, in batches that change nothing, by workers that compute side by side."""

    def __init__(
        self,
        network: StemNetwork,
        schedule: Schedule,
        conditions: NDArray[np.float32],
        positions: NDArray[np.float64],
        options: PredictOptions,
        compute: Compute,
        readout: Readout | None,
    ) -> None:
        self._device = choose_device(compute.device)
        self._workers = Workers(self._device)
        prepare = compile_blocks if compute.compile else None
        self._network = compute.loaded.network(network, self._device, prepare)
        self._schedule = schedule
        self._conditions, self._positions = conditions, positions
        self._seed, self._bfloat16 = options.seed, options.bfloat16
        self._sampler, steps = options.sampler_for(schedule.config)
        self._steps = self._sampler.spacing(schedule, min(steps, schedule.steps))
        self._readout = readout and readout.on(self._device)
        rows = rows_of_a_pass(network, self._device, free_memory(self._device))
        self._rows = min(compute.batch_size or rows, rows)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._workers.__exit__(*error)

    def iter_fill(self, store: DrawStore, draws: range) -> Iterator[float]:
        """Draw what the store lacks of some draws; yields how far it is, as a number of spots."""

        def missing(rows: slice) -> tuple[int, ...]:
            return tuple(draw for draw in draws if not store.has(draw, rows))

        def fill() -> Iterator[float]:
            for lacking, blocks in groupby(list(store.blocks()), missing):
                where = list(blocks)
                for start in range(0, len(lacking), self._rows):
                    yield from self._iter_blocks(store, lacking[start : start + self._rows], where)

        yield from self._shrinking(fill)

    def iter_point(self, draws: range) -> Iterator[float | NDArray[np.float32]]:
        """(k, c) draws of the only spot; before, how many of them are made."""
        spot = np.zeros(1, np.intp)

        def draw() -> Iterator[float | NDArray[np.float32]]:
            size = min(self._rows, math.ceil(len(draws) / self._workers.number))
            parts = [draws[start : start + size] for start in range(0, len(draws), size)]
            found = []
            for values in self._iter_batches([_Batch(spot, part) for part in parts], 1):
                if isinstance(values, float):
                    yield values
                else:
                    found.append(values[0])
            yield np.concatenate(found)

        yield from self._shrinking(draw)

    def _iter_blocks(
        self, store: DrawStore, draws: Sequence[int], blocks: Sequence[slice]
    ) -> Iterator[float]:
        """Draw for whole blocks of spots and keep each as soon as it is complete."""
        spots = np.concatenate([np.arange(rows.start, rows.stop) for rows in blocks])
        size = self._spots_of_a_batch(store.n_spots, len(draws))
        parts = [spots[start : start + size] for start in range(0, len(spots), size)]
        waiting, done = deque(blocks), 0
        held = np.empty((0, len(draws), store.n_genes), np.float32)
        for found in self._iter_batches([_Batch(part, draws) for part in parts], size):
            if not isinstance(found, float):
                held, done = np.concatenate([held, found]), done + len(found)
                while waiting and len(held) >= (b := waiting[0].stop - waiting[0].start):
                    for number, draw in enumerate(draws):
                        store.write(draw, waiting[0], held[:b, number])
                    held = held[b:]
                    waiting.popleft()
                found = 0.0
            yield float(spots[min(done, len(spots) - 1)]) + found / len(draws)

    def _spots_of_a_batch(self, n_spots: int, n_draws: int) -> int:
        """Of equal batches of a whole slide, as many for each worker, also in a resumed run."""
        number = self._workers.number
        batches = math.ceil(n_spots / max(1, self._rows // n_draws))
        return math.ceil(n_spots / (math.ceil(batches / number) * number))

    def _iter_batches(
        self, batches: Sequence[_Batch], size: int
    ) -> Iterator[float | NDArray[np.float32]]:
        """(m, k, c) values of each batch in order; before, how many rows are finished in others."""
        jobs = (partial(self._draw, batch, size) for batch in batches)
        results, done = self._workers.iter_results(jobs), 0
        with closing(results):
            for found in results:
                if found is not None:
                    done += 1
                    yield found
                else:
                    ahead = batches[done : done + self._workers.ahead]
                    yield sum((b.share * len(b.spots) * len(b.draws) for b in ahead), 0.0)

    def _draw(self, batch: _Batch, size: int, check: Check) -> NDArray[np.float32]:
        """(m, k, c) values of m spots, padded to `size`: equal shapes give equal bits."""
        spots = np.pad(batch.spots, (0, size - len(batch.spots)), mode="edge")
        k, width = len(batch.draws), self._network.config.n_genes
        condition = torch.from_numpy(self._conditions[spots]).to(self._device)
        places = torch.from_numpy(np.repeat(self._positions[spots], k, axis=0))
        draws = torch.tensor(batch.draws).repeat(size)

        def noise(step: int, width: int = width) -> Tensor:
            numbers = gene_noise(self._seed, places, draws, step, width, self._device)
            return numbers * self._schedule.config.temperature

        denoise = denoiser(self._network, condition, self._schedule, check, bfloat16=self._bfloat16)
        start = noise(self._schedule.steps)
        states = self._sampler(denoise, start, self._steps, lambda step: noise(step.t))
        for number, state in enumerate(states, 1):
            check()
            x, batch.share = state, number / len(self._steps)
        if self._readout:
            of_counts = partial(noise, self._schedule.steps + 1, self._readout.n_genes)
            x = self._readout.values(x, condition.repeat_interleave(k, dim=0), of_counts)
        return x.view(size, k, -1)[: len(batch.spots)].float().cpu().numpy()

    def _shrinking(self, attempt: Callable[[], Iterator[T]]) -> Iterator[T]:
        """Try again with half as many rows while memory runs out."""
        while True:
            try:
                yield from attempt()
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                if self._rows == 1:
                    raise self._too_large() from error
                self._rows //= 2
            else:
                return

    def _too_large(self) -> OptionError:
        return OptionError(
            f"the network needs more memory than {self._device} has, even for one spot. Use "
            "another device.",
            hint=Hint(Remedy.DEVICE, "cpu"),
        )


def rows_of_a_pass(network: StemNetwork, device: torch.device, free: int | None) -> int:
    """Rows of an evaluation, a power of two: enough to keep a device busy, and no more.

    Parameters
    ----------
    free
        Bytes, of which half may be taken: other programs use the device, too.
    """
    work, most = (_CPU_PASS, _CPU_ROWS) if device.type == "cpu" else (_GPU_PASS, _GPU_ROWS)
    rows = min(most, int(work / network.multiplications(1)))
    if free is not None:
        rows = min(rows, free // (2 * network.memory(1)))
    return 1 << (max(1, rows).bit_length() - 1)
