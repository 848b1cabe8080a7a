"""Scores of draws against measured values, with bootstrap samples of the spots."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_stem.evaluation.drawn import ArrayDraws
from napari_stem.evaluation.groups import SAMPLES, sample_weights, spot_groups
from napari_stem.evaluation.metrics import METRICS, Evidence, Scores
from napari_stem.evaluation.structure import TrueStructure, most_groups
from napari_stem.evaluation.sums import Sums
from napari_stem.events import Check, go_on

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from napari_stem.evaluation.drawn import Draws

    Array = NDArray[np.floating]
    Float = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """What the draws of a method are worth.

    Attributes
    ----------
    n_draws
        Members of which the scores are.
    scores
        Metrics by name.
    samples
        (bootstrap samples,) of each metric; the same spots in each sample for every method.
    genes
        (c,) of each metric that tables of genes show, by `Metric.gene`; NaN where a gene with
        constant truth has none.
    pit
        (bins,) shares of `sums.pit_histogram`.
    """

    n_draws: int
    scores: Scores
    samples: Mapping[str, Float]
    genes: Mapping[str, Float]
    pit: Float


class Judge:
    """Scores several methods on the same spots with the same bootstrap samples.

    Draws are read in blocks of spots, and for their structure one draw at a time.

    Parameters
    ----------
    truth
        (n, c) measured values in the log space.
    xy
        (n, 2) positions of the spots; without them the structure of draws is not judged.
    samples
        Bootstrap samples; 0 for quick scores.
    check
        Called between blocks of spots; what it raises ends the judgement.
    """

    def __init__(
        self,
        truth: Array,
        xy: Float | None = None,
        *,
        samples: int = SAMPLES,
        check: Check = go_on,
    ) -> None:
        self._truth, self._check = truth, check
        places = np.arange(len(truth), dtype=np.float64)[:, None] if xy is None else xy
        self._groups = spot_groups(places, most_groups(truth.shape[1]) if samples else 1)
        self._weights = sample_weights(int(self._groups.max()) + 1, samples)
        has_places = xy is not None and len(truth) > 1
        self._structure = (
            TrueStructure(truth, places, self._groups, self._weights, check) if has_places else None
        )

    def judge(self, draws: Draws) -> Judged:
        """All metrics of draws, and those of each gene."""
        evidence = Evidence(
            Sums.of_draws(draws, self._truth, self._groups, self._check).weighted(self._weights),
            self._structure.judge(draws) if self._structure else None,
        )
        known = [m for m in METRICS.values() if evidence.structure or not m.needs_places]
        found = {metric.name: metric.values(evidence) for metric in known}
        pit = evidence.sums.pit[0]
        return Judged(
            draws.n_draws,
            scores={name: float(values[0]) for name, values in found.items()},
            samples={name: values[1:] for name, values in found.items()},
            genes={metric.gene: metric.of(evidence)[0] for metric in known if metric.gene},
            pit=pit / pit.sum(),
        )


def score(
    prediction: Array, truth: Array, xy: Float | None = None, *, antithetic: bool = False
) -> Scores:
    """All metrics of draws (K, n, c), or of values (n, c) that claim no spread, by name.

    Parameters
    ----------
    truth
        (n, c) measured values.
    xy
        (n, 2) positions of the spots; without them GSC and SSC are left out.
    antithetic
        Whether draws 2k and 2k + 1 mirror each other, as those of a prediction do.
    """
    draws = prediction if prediction.ndim == 3 else prediction[None]
    return Judge(truth, xy, samples=0).judge(ArrayDraws(draws, antithetic)).scores
