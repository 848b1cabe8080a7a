"""From conditions to draws: batches, noise keys, and resuming."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from napari_stem.devices import choose_device, is_out_of_memory, threads_for
from napari_stem.errors import Hint, OptionError, Remedy
from napari_stem.events import Events, Pace, Partial, Progress, relay
from napari_stem.features.compute import Compute
from napari_stem.model.diffusion import Denoise, Schedule, denoiser, log_snr_steps
from napari_stem.model.network import StemNetwork
from napari_stem.model.samplers import SAMPLERS
from napari_stem.model.spot_noise import gene_noise
from napari_stem.prediction.options import PredictOptions

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_stem.prediction.draws import DrawStore

_FIRST_DRAWS = 4


def iter_sample(
    network: StemNetwork,
    schedule: Schedule,
    conditions: NDArray[np.float32],
    positions: NDArray[np.float64],
    store: DrawStore,
    options: PredictOptions,
    compute: Compute,
    *,
    to_values: Callable[[NDArray[np.float32]], NDArray[np.float32]] = lambda x: x,
) -> Events[None]:
    """Fill a store with draws: draws outside, spots inside, so that all spots are seen early.

    What the store holds already is kept. A draw's noise follows from the seed, the spot's
    position and the draw alone, so that neither batches nor neighbours change it. After each
    draw a `Partial` carries the mean of the draws so far; closing the generator stops within one
    step of the sampler.

    Parameters
    ----------
    conditions
        (n, S) one per spot.
    positions
        (n, 2) level-0 pixels of the spots.
    to_values
        Function of network outputs (b, c) to the values that are stored.

    Raises
    ------
    StorageError
        A draw could not be kept.
    OptionError
        The device has too little memory even for one spot.
    """
    n_draws = options.n_draws
    draw_batch = _Drawer(network, schedule, options, compute)
    pace, previews, total = Pace(), Pace(), n_draws * len(conditions)
    sums = np.zeros((store.n_spots, store.n_genes), np.float64)
    size = min(compute.batch_size, store.rows)
    for draw in range(n_draws):
        drawn = False
        for rows in store.blocks():
            done = draw * len(conditions) + rows.start
            if not store.has(draw, rows):
                values = np.empty((rows.stop - rows.start, store.n_genes), np.float32)
                start = 0
                while start < len(values):
                    part = slice(rows.start + start, min(rows.start + start + size, rows.stop))
                    batch = draw_batch(conditions[part], positions[part], draw, size)
                    tell = partial(_at, pace, done + start, part.stop - part.start, total)
                    try:
                        x = yield from relay(batch, tell)
                    except (RuntimeError, MemoryError) as error:
                        if not is_out_of_memory(error):
                            raise
                        if size == 1:
                            raise draw_batch.too_large() from error
                        size //= 2
                        continue
                    values[start : start + len(x)] = to_values(x)
                    start += len(x)
                store.write(draw, rows, values)
                drawn = True
        sums += store.draw(draw)
        if (drawn and previews.due()) or draw + 1 == n_draws:
            yield Progress((draw + 1) * len(conditions), total, "sample")
            yield Partial(draw + 1, n_draws, (sums / (draw + 1)).astype(np.float32))


def iter_sample_point(
    network: StemNetwork,
    schedule: Schedule,
    condition: NDArray[np.float32],
    position: NDArray[np.float64],
    options: PredictOptions,
    compute: Compute,
    *,
    to_values: Callable[[NDArray[np.float32]], NDArray[np.float32]] = lambda x: x,
) -> Generator[Progress | NDArray[np.float32], None, None]:
    """Draw for a single point: the draws that `iter_sample` keeps for a spot at this place.

    Draws are the batch here, so that the network is asked as often as for one of them. The first
    few come alone, then as many as there are, so that a slow network shows something early.

    Parameters
    ----------
    condition
        (S,) of the point.
    position
        (2,) its level-0 pixels.

    Yields
    ------
    (k, c) all draws so far, until k is `options.n_draws`; progress between the steps.
    """
    n_draws, pace = options.n_draws, Pace()
    draw_batch = _Drawer(network, schedule, options, compute)
    drawn = np.empty((0, network.config.n_genes), np.float32)
    while len(drawn) < n_draws:
        draws = np.arange(len(drawn), min(max(_FIRST_DRAWS, 2 * len(drawn)), n_draws))
        shape = (len(draws), 1)
        batch = draw_batch(np.tile(condition, shape), np.tile(position, shape), draws, len(draws))
        x = yield from relay(batch, partial(_at, pace, len(drawn), len(draws), n_draws))
        kept = to_values(x).astype(np.float16).astype(np.float32)  # as the store keeps them
        drawn = np.concatenate([drawn, kept])
        yield drawn


def _at(pace: Pace, done: int, n: int, total: int, share: float) -> Progress | None:
    """The progress when a share of n more draws is made, if it is time to tell."""
    return Progress(done + int(share * n), total, "sample") if pace.due() else None


class _Drawer:
    """Draws of one batch; the result does not depend on the batch."""

    def __init__(
        self,
        network: StemNetwork,
        schedule: Schedule,
        options: PredictOptions,
        compute: Compute,
    ) -> None:
        self._device = choose_device(compute.device)
        self._network = compute.loaded.network(network, self._device)
        self._schedule = schedule
        self._seed = options.seed
        self._sampler = SAMPLERS[options.sampler]
        self._steps = log_snr_steps(schedule, min(options.n_steps, schedule.steps))

    def too_large(self) -> OptionError:
        """The error that not even one spot fits."""
        return OptionError(
            f"the network needs more memory than {self._device} has, even for one spot. Use "
            "another device.",
            hint=Hint(Remedy.DEVICE, "cpu"),
        )

    def __call__(
        self,
        conditions: NDArray[np.float32],
        positions: NDArray[np.float64],
        draw: int | NDArray[np.intp],
        size: int,
    ) -> Generator[float, None, NDArray[np.float32]]:
        """(b, c) numbers of the network for b spots, of one draw or one each; padded to `size`.

        Equal shapes give equal bits, and keep compiled graphs. After each step of the sampler the
        share of the steps that are done is yielded.
        """
        spots = len(conditions)
        padding = (0, size - spots)
        condition = torch.from_numpy(np.pad(conditions, (padding, (0, 0)), mode="edge"))
        centres = np.pad(positions, (padding, (0, 0)), mode="edge")
        draws = torch.as_tensor(np.pad(np.broadcast_to(draw, spots), padding, mode="edge"))
        denoise = denoiser(self._network, condition.to(self._device), self._schedule)
        states = self._states(denoise, centres, draws)
        for number in range(1, len(self._steps) + 1):
            with threads_for(self._network.multiplications(size)):
                x = next(states)
            yield number / len(self._steps)
        return x[:spots].float().cpu().numpy()

    def _states(
        self, denoise: Denoise, centres: NDArray[np.float64], draws: Tensor
    ) -> Iterator[Tensor]:
        places, n_genes = torch.from_numpy(centres), self._network.config.n_genes

        def noise(step: int) -> Tensor:
            x = gene_noise(self._seed, places, draws, step, n_genes, self._device)
            # Steps add up in float64; Apple's GPUs have none.
            return x if self._device.type == "mps" else x.double()

        start = noise(self._schedule.steps)
        return self._sampler(denoise, start, self._steps, lambda step: noise(step.t))
