"""Quick metrics of held-out spots during training, with baselines computed once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from napari_stem.evaluation.baselines import baseline_draws
from napari_stem.evaluation.comparison import MODEL
from napari_stem.evaluation.drawn import ArrayDraws
from napari_stem.evaluation.metrics import BRIEF_BASELINES
from napari_stem.evaluation.quick_draws import iter_quick_draws
from napari_stem.evaluation.scoring import Judge
from napari_stem.events import Event, Metrics, Variation
from napari_stem.prediction.options import PredictOptions

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_stem.checkpoints.checkpoint import Checkpoint
    from napari_stem.evaluation.metrics import Scores
    from napari_stem.features.compute import Compute
    from napari_stem.model.network import StemNetwork
    from napari_stem.sections.paired_data import PairedData

_OPTIONS = PredictOptions(n_draws=4)
_MOST_SPOTS = 400
_MOST_TRAINING = 4000  # from which the baselines learn


class LiveMetrics:
    """Makes a few draws for held-out spots and compares them with measured values.

    Parameters
    ----------
    checkpoint
        As it will be saved; its weights do not matter.
    training
        What the baselines learn from.
    held_out
        Spots that training never sees; of many, some evenly chosen ones are used. Their structure
        is not judged: they are no neighbours of each other.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        training: PairedData,
        held_out: PairedData,
        compute: Compute,
    ) -> None:
        self._checkpoint = checkpoint
        self._training = training.some(_MOST_TRAINING)
        self._held_out = held_out.some(_MOST_SPOTS)
        self._judge = Judge(self._held_out.values, samples=0)
        self._compute = compute

    def __call__(self, network: StemNetwork, step: int) -> Iterator[Event]:
        """Metrics of all methods, and the variation of each gene, after the progress of draws."""
        checkpoint = replace(self._checkpoint, network=deepcopy(network))  # which changes later
        draws = yield from iter_quick_draws(checkpoint, self._held_out, _OPTIONS, self._compute)
        stem = self._judge.judge(ArrayDraws(draws, antithetic=True))
        methods = {MODEL: stem.scores, **self._baselines}
        yield Metrics(step, _OPTIONS.n_draws, methods)
        yield variation(
            step, self._checkpoint.recipe.panel, self._held_out.values, draws.mean(axis=0)
        )

    @cached_property
    def _baselines(self) -> Mapping[str, Scores]:
        drawn = baseline_draws(self._training, self._held_out.original, BRIEF_BASELINES)
        return {name: self._judge.judge(draws).scores for name, draws in drawn}


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
