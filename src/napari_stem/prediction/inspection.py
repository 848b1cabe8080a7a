"""What is known of one point of a slide: its draws and how far it is from the training data.

It is shown and read from files where nothing is predicted, so that it imports no torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from napari_stem.events import Event
from napari_stem.prediction.statistics import at_quantiles
from napari_stem.text import counted

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_INTERVAL = (0.05, 0.95)


@dataclass(frozen=True, slots=True)
class Measured:
    """Measured values of the spot nearest to a point.

    Attributes
    ----------
    distance_px
        From the point to the spot's centre, in level-0 pixels.
    values
        By gene, in the log space of the checkpoint.
    """

    spot: str
    distance_px: float
    values: Mapping[str, float]


@dataclass(frozen=True, slots=True, eq=False)
class Inspection(Event):
    """The draws of one point and their distance to the training data.

    It is also the event that tells them while more draws arrive.

    Attributes
    ----------
    xy
        (x, y) in level-0 pixels.
    mpp
        Micrometres per level-0 pixel; None where the slide states none.
    unit
        Unit of the draws, as display text.
    draws
        (K, c), fewer than `n_draws` while they still arrive.
    nearest
        (r,) distances to the nearest training spots, nearest first, in units of the 99th
        percentile of nearest-neighbour distances among training spots.
    similarity
        (r,) share of the training spots whose nearest-neighbour distance is larger than each of
        `nearest`: 1 for a training spot itself, 0 if all training spots are closer to each other.
        For tissue like the training tissue, the first value is uniform between 0 and 1.
    measured
        None if no measured spot lies within a spot diameter.
    """

    xy: tuple[float, float]
    mpp: float | None
    genes: tuple[str, ...]
    unit: str
    draws: NDArray[np.float32]
    n_draws: int
    nearest: NDArray[np.float32]
    similarity: NDArray[np.float32]
    measured: Measured | None

    def __repr__(self) -> str:
        x, y = self.xy
        drawn = f"{len(self.draws)} draws of {counted(len(self.genes), 'gene')}"
        return f"<Inspection at ({x:.0f}, {y:.0f}): {drawn}, ood {self.ood:.2f}>"

    @property
    def ood(self) -> float:
        """Distance to the nearest training spot, as a prediction's `obs["ood"]`."""
        return float(self.nearest[0])

    def of(self, gene: str) -> NDArray[np.float32]:
        """(K,) draws of one gene."""
        return self.draws[:, self.genes.index(gene)]

    def mean(self, gene: str) -> float:
        """Mean of a gene's draws."""
        return float(self.of(gene).mean())

    def interval(self, gene: str) -> tuple[float, float]:
        """Central 90 % interval of a gene: a further draw falls inside in 90 of 100 cases."""
        low, high = at_quantiles(self.of(gene), _INTERVAL)
        return float(low), float(high)

    def truth(self, gene: str) -> float | None:
        """Measured value of a gene at this point."""
        return None if self.measured is None else self.measured.values.get(gene)


def as_table(inspections: Sequence[Inspection], genes: Sequence[str]) -> pd.DataFrame:
    """One row per point: position, `ood`, and mean, interval and measured value of each gene."""
    return pd.DataFrame([_row(inspection, genes) for inspection in inspections])


def _row(inspection: Inspection, genes: Sequence[str]) -> dict[str, object]:
    x, y = inspection.xy
    row: dict[str, object] = {"x_px": x, "y_px": y}
    if inspection.mpp:
        row |= {"x_um": x * inspection.mpp, "y_um": y * inspection.mpp}
    row |= {
        "ood": inspection.ood,
        "similarity": float(inspection.similarity[0]),
        "n_draws": len(inspection.draws),
        "unit": inspection.unit,
    }
    for gene in (gene for gene in genes if gene in inspection.genes):
        low, high = inspection.interval(gene)
        row |= {f"{gene} mean": inspection.mean(gene), f"{gene} q05": low, f"{gene} q95": high}
        if (truth := inspection.truth(gene)) is not None:
            row[f"{gene} measured"] = truth
    return row
