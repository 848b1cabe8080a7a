"""Draws for spots whose embeddings are known, held in memory."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from napari_stem.model.diffusion import Schedule
from napari_stem.prediction.draws import DrawStore
from napari_stem.prediction.sampling import iter_sample

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from napari_stem.checkpoints.checkpoint import Checkpoint
    from napari_stem.events import Events
    from napari_stem.features.compute import Compute
    from napari_stem.prediction.options import PredictOptions
    from napari_stem.sections.paired_data import PairedData


def iter_quick_draws(
    checkpoint: Checkpoint, spots: PairedData, options: PredictOptions, compute: Compute
) -> Events[NDArray[np.float32]]:
    """Draws (K, n, c) of all genes of a checkpoint, which leave nothing on disk."""
    store = DrawStore.create(
        None,
        key="quick",
        n_draws=options.n_draws,
        n_spots=len(spots.values),
        n_genes=len(checkpoint.recipe.panel),
    )
    with closing(store):
        yield from iter_sample(
            checkpoint.network,
            Schedule(checkpoint.recipe.diffusion),
            checkpoint.condition.transform(spots.original),
            spots.positions,
            store,
            options,
            compute,
            readout=checkpoint.readout,
        )
        return store.read()
