"""Quick metrics of held-out spots during training, with baselines computed once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from napari_stem.evaluation.evaluate import MODEL, score_baselines
from napari_stem.evaluation.metrics import Scores, score
from napari_stem.events import Event, Metrics, Variation, finish
from napari_stem.model.diffusion import Schedule
from napari_stem.prediction.draws import DrawStore
from napari_stem.prediction.options import PredictOptions
from napari_stem.prediction.sampling import iter_sample

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_stem.checkpoints.checkpoint import Checkpoint
    from napari_stem.features.compute import Compute
    from napari_stem.model.network import StemNetwork
    from napari_stem.sections.paired_data import PairedData

_OPTIONS = PredictOptions(n_draws=4, sampler="dpm++", steps=10)
_MOST_SPOTS = 400


class LiveMetrics:
    """Makes a few draws for held-out spots and compares them with measured values.

    Parameters
    ----------
    checkpoint
        As it will be saved; its weights do not matter.
    training
        What the baselines learn from.
    held_out
        Spots that training never sees; of many, some evenly chosen ones are used.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        training: PairedData,
        held_out: PairedData,
        compute: Compute,
    ) -> None:
        n = len(held_out.values)
        rows = np.linspace(0, n - 1, min(n, _MOST_SPOTS)).astype(int)
        self._checkpoint = checkpoint
        self._training = training
        self._embeddings, self._truth = held_out.original[rows], held_out.values[rows]
        self._positions = held_out.positions[rows]
        self._compute = compute

    def __call__(self, network: StemNetwork, step: int) -> Iterator[Event]:
        """Metrics of all methods, and the variation of each gene."""
        draws = self._draw(network)
        methods = {MODEL: score(draws, self._truth), **self._baselines}
        yield Metrics(step, _OPTIONS.n_draws, methods)
        yield variation(step, self._checkpoint.recipe.panel, self._truth, draws.mean(axis=0))

    @cached_property
    def _baselines(self) -> Mapping[str, Scores]:
        return score_baselines(self._training, self._embeddings, self._truth)

    def _draw(self, network: StemNetwork) -> NDArray[np.float32]:
        recipe, n = self._checkpoint.recipe, len(self._truth)
        store = DrawStore.create(
            None, key="live", n_draws=_OPTIONS.n_draws, n_spots=n, n_genes=len(recipe.panel)
        )
        with closing(store):
            events = iter_sample(
                network,
                Schedule(recipe.diffusion),
                self._checkpoint.condition.transform(self._embeddings),
                self._positions,
                store,
                _OPTIONS,
                self._compute,
                to_values=self._checkpoint.to_values,
            )
            finish(events)
            return store.read()


def variation(
    step: int,
    genes: tuple[str, ...],
    truth: NDArray[np.float32],
    prediction: NDArray[np.float32],
) -> Variation:
    """Mean and variance of each gene over spots, of (n, c) measured and predicted values."""
    parts = (f(values) for values in (truth, prediction) for f in (_mean, _variance))
    return Variation(step, genes, *parts)


def _mean(values: NDArray[np.float32]) -> tuple[float, ...]:
    return tuple(map(float, values.mean(axis=0, dtype=np.float64)))


def _variance(values: NDArray[np.float32]) -> tuple[float, ...]:
    return tuple(map(float, values.var(axis=0, dtype=np.float64)))
