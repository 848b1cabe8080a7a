"""How a prediction agrees with what its own spots measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_stem.evaluation.drawn import ArrayDraws
from napari_stem.evaluation.metrics import BRIEF, Evidence, pcc
from napari_stem.evaluation.sums import Sums

if TYPE_CHECKING:
    from anndata import AnnData
    from numpy.typing import NDArray

    from napari_stem.evaluation.metrics import Scores


@dataclass(frozen=True, slots=True, eq=False)
class SpotAgreement:
    """Predicted against measured values, over the spots that counted any gene of the panel.

    Attributes
    ----------
    counted
        (n,) which spots were compared.
    gene_pcc
        (c,) Pearson correlation of each gene over the spots; NaN where its counts are constant.
    scores
        Metrics of `metrics.BRIEF` by name.
    seen
        Why the checkpoint knows these spots already, as display text; "" if it does not.
    """

    counted: NDArray[np.bool_]
    gene_pcc: NDArray[np.float64]
    scores: Scores
    seen: str = ""

    @property
    def n_spots(self) -> int:
        """How many spots were compared."""
        return int(self.counted.sum())


def spot_agreement(prediction: AnnData) -> SpotAgreement | None:
    """A prediction against its layer "truth"; None if it has none, or of a single spot."""
    if "truth" not in prediction.layers:
        return None
    truth = np.asarray(prediction.layers["truth"])
    counted = np.asarray(truth.any(axis=1))
    if counted.sum() < 2:
        return None
    truth, mean = truth[counted], np.asarray(prediction.X)[counted]
    one_group = np.zeros(len(truth), dtype=np.intp)
    evidence = Evidence(Sums.of_draws(ArrayDraws(mean[None]), truth, one_group))
    return SpotAgreement(
        counted=counted,
        gene_pcc=pcc(evidence)[0],
        scores={metric.name: float(metric.values(evidence)[0]) for metric in BRIEF},
        seen=str(prediction.uns["napari_stem"].get("seen", "")),
    )
