"""From conditions to draws: passes over the spots of a slide, or the draws of one point."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

import numpy as np

from napari_stem.events import Events, Pace, Partial, Progress
from napari_stem.features.compute import Compute
from napari_stem.model.diffusion import Schedule
from napari_stem.model.network import StemNetwork
from napari_stem.model.readout import Readout
from napari_stem.prediction.drawer import Drawer
from napari_stem.prediction.options import PredictOptions
from napari_stem.roomy import roomy

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_stem.prediction.draws import DrawStore

_MOST_DRAWS = 4  # of a spot at once; they share what follows from its histology and the time
_FIRST_DRAWS = 4  # of a point


def iter_sample(
    network: StemNetwork,
    schedule: Schedule,
    conditions: NDArray[np.float32],
    positions: NDArray[np.float64],
    store: DrawStore,
    options: PredictOptions,
    compute: Compute,
    *,
    readout: Readout | None = None,
) -> Events[None]:
    """Fill a store with draws: draws outside, spots inside, so that all spots are seen early.

    What the store holds already is kept. A draw's noise follows from the seed, the spot's
    position and the draw alone, so that neither batches nor neighbours change it. After each
    pass over the spots, of one draw or a few, a `Partial` carries the mean of the draws so far;
    closing the generator stops within a layer of the network.

    Parameters
    ----------
    conditions
        (n, S) one per spot.
    positions
        (n, 2) level-0 pixels of the spots.
    readout
        Turns numbers of the network into the values that are stored; without it they are the same.

    Raises
    ------
    StorageError
        A draw could not be kept.
    OptionError
        The device has too little memory even for one spot.
    """
    n, n_draws = len(conditions), options.n_draws
    pace, previews, total = Pace(), Pace(), n_draws * n
    sums = roomy((n, store.n_genes), compute.cache)
    sums[:] = 0
    with Drawer(network, schedule, conditions, positions, options, compute, readout) as drawer:
        for draws in _passes(n_draws):
            drawn = False
            for row in drawer.iter_fill(store, draws):
                drawn = True
                if pace.due():
                    yield Progress(int(draws[0] * n + row * len(draws)), total, "sample")
            so_far = draws.stop
            for rows in store.blocks():
                if pace.due():
                    yield Progress(so_far * n, total, "sample")
                sums[rows] += store.read(rows, slice(draws.start, so_far)).sum(axis=0)
            if (drawn and previews.due()) or so_far == n_draws:
                yield Progress(so_far * n, total, "sample")
                mean = roomy(sums.shape, compute.cache)
                yield Partial(so_far, n_draws, np.divide(sums, np.float32(so_far), out=mean))


def iter_sample_point(
    network: StemNetwork,
    schedule: Schedule,
    condition: NDArray[np.float32],
    position: NDArray[np.float64],
    options: PredictOptions,
    compute: Compute,
    *,
    readout: Readout | None = None,
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
    (k, c) all draws so far, until k is `options.n_draws`; progress meanwhile.
    """
    n_draws, pace = options.n_draws, Pace()
    point = np.reshape(condition, (1, -1)), np.reshape(position, (1, 2))
    n_genes = readout.n_genes if readout else network.config.n_genes
    drawn = np.empty((0, n_genes), np.float32)
    with Drawer(network, schedule, *point, options, compute, readout) as drawer:
        while len(drawn) < n_draws:
            draws = range(len(drawn), min(max(_FIRST_DRAWS, 2 * len(drawn)), n_draws))
            for found in drawer.iter_point(draws):
                if not isinstance(found, float):
                    kept = found.astype(np.float16).astype(np.float32)  # as the store keeps them
                    drawn = np.concatenate([drawn, kept])
                    yield drawn
                elif pace.due():
                    yield Progress(int(len(drawn) + found), n_draws, "sample")


def _passes(n_draws: int) -> Iterator[range]:
    """Draws of each pass over the spots: one, so that the whole slide is seen early, then more."""
    start = 0
    while start < n_draws:
        yield range(start, min(start + min(max(1, start), _MOST_DRAWS), n_draws))
        start += min(max(1, start), _MOST_DRAWS)
