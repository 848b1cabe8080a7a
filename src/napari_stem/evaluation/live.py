"""Quick figures on held-out spots while training runs, beside baselines computed once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import asdict
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from napari_stem.evaluation.baselines import nearest, ridge
from napari_stem.evaluation.evaluate import MODEL, NEAREST, RIDGE, Training
from napari_stem.evaluation.metrics import score
from napari_stem.events import Event, Figures, Variation, finish
from napari_stem.model.diffusion import Schedule
from napari_stem.prediction.draws import DrawStore
from napari_stem.prediction.sampling import SamplerConfig, iter_sample

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_stem.checkpoints.checkpoint import Checkpoint
    from napari_stem.model.network import StemNetwork

N_DRAWS = 4
_SAMPLER = SamplerConfig("dpm++", 10)
_MOST_SPOTS = 400


class LiveFigures:
    """Draws a few realisations of held-out spots and compares them with what was measured.

    Parameters
    ----------
    checkpoint
        As it will be saved; its weights do not matter.
    training
        What the baselines learn from.
    embeddings, values
        (n, d) and (n, c) of the held-out spots; of many, some evenly chosen ones are used.
    positions
        (n, 2) of these spots, which key the noise.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        training: Training,
        embeddings: NDArray[np.float32],
        values: NDArray[np.float32],
        positions: NDArray[np.float64],
        *,
        device: str = "auto",
    ) -> None:
        n = len(values)
        rows = np.linspace(0, n - 1, min(n, _MOST_SPOTS)).astype(int)
        self._checkpoint = checkpoint
        self._training = training
        self._embeddings, self._truth = embeddings[rows], values[rows]
        self._positions = positions[rows]
        self._device = device

    def __call__(self, network: StemNetwork, step: int) -> Iterator[Event]:
        """Figures of all methods, and the variation of each gene."""
        draws = self._draw(network)
        model = {MODEL: asdict(score(draws, self._truth))}
        yield Figures(step, N_DRAWS, model | dict(self._baselines))
        yield variation(step, self._checkpoint.recipe.panel, self._truth, draws.mean(axis=0))

    @cached_property
    def _baselines(self) -> Mapping[str, Mapping[str, float]]:
        known = self._training.embeddings, self._training.values, self._embeddings
        return {
            RIDGE: asdict(score(ridge(*known), self._truth)),
            NEAREST: asdict(score(nearest(*known), self._truth)),
        }

    def _draw(self, network: StemNetwork) -> NDArray[np.float32]:
        recipe, n = self._checkpoint.recipe, len(self._truth)
        store = DrawStore.create(
            None, key="live", n_draws=N_DRAWS, n_spots=n, n_genes=len(recipe.panel)
        )
        with closing(store):
            events = iter_sample(
                network,
                Schedule(recipe.diffusion),
                self._checkpoint.condition.transform(self._embeddings),
                self._positions,
                store,
                n_draws=N_DRAWS,
                sampler=_SAMPLER,
                device=self._device,
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
