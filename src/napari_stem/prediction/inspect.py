"""Prediction at one point of a slide, with its uncertainty and distance to the training data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from napari_stem.events import Event, Events, Progress
from napari_stem.features.compute import Compute
from napari_stem.features.embed import iter_embed
from napari_stem.features.encoders.hub import check_stamps
from napari_stem.genes.counts import UNITS, measured
from napari_stem.model.diffusion import Schedule
from napari_stem.prediction.options import PredictOptions
from napari_stem.prediction.sampling import iter_sample_point
from napari_stem.prediction.statistics import at_quantiles
from napari_stem.spots.table import positions, spot_diameter, spot_table
from napari_stem.text import counted

if TYPE_CHECKING:
    from anndata import AnnData
    from numpy.typing import NDArray

    from napari_stem.checkpoints.checkpoint import Checkpoint
    from napari_stem.checkpoints.recipe import Recipe
    from napari_stem.slides.slide import Slide

_NEAREST = 5  # training spots that a point is compared with
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


@dataclass(slots=True)
class Inspector:
    """A checkpoint and its encoders, kept in memory for one point after another.

    `options` and `compute` may change between points.
    """

    checkpoint: Checkpoint
    options: PredictOptions = field(default_factory=PredictOptions)
    compute: Compute = field(default_factory=Compute)
    _gaps: NDArray[np.float32] = field(init=False)

    def __post_init__(self) -> None:
        self._gaps = self.checkpoint.condition.gaps()

    def iter_inspect(
        self,
        slide: Slide,
        xy: tuple[float, float],
        *,
        spot_diameter_px: float,
        spots: AnnData | None = None,
    ) -> Events[Inspection]:
        """Make draws for the patch around a point, with an `Inspection` each time the draws double.

        The draws are those that a prediction with the same options has for a spot at this place.

        Parameters
        ----------
        xy
            Level-0 pixels.
        spot_diameter_px
            Matters to checkpoints of the paper's geometry alone.
        spots
            Spots of the slide, among which a measured one is looked for.

        Raises
        ------
        SpotsOutsideSlide, MissingScale, SlideUnreadable, EncoderError, OptionError
            The error names the cause and what to do.
        """
        recipe, options = self.checkpoint.recipe, self.options
        trained = self.checkpoint.about.get("weights", {})
        check_stamps(trained, recipe.encoders, self.compute.weights)
        point = spot_table([xy], diameter_px=spot_diameter_px)
        embedding = yield from iter_embed(
            slide,
            point,
            recipe.encoders,
            recipe.geometry,
            compute=replace(self.compute, cache=None),  # a click is no file
        )
        nearest = self.checkpoint.condition.nearest(embedding[:, 0], _NEAREST)[0]
        spot = _find_measured(spots, xy, recipe) if spots is not None else None
        known = {
            "xy": xy, "mpp": slide.mpp, "genes": recipe.panel, "unit": UNITS[recipe.transform],
            "n_draws": options.n_draws, "nearest": nearest, "similarity": self._similarity(nearest),
            "measured": spot,
        }  # fmt: skip
        several = iter_sample_point(
            self.checkpoint.network,
            Schedule(recipe.diffusion),
            self.checkpoint.condition.transform(embedding[0]),
            positions(point),
            options,
            self.compute,
            readout=self.checkpoint.readout.at_depth(self.options.depth),
        )
        for event in several:
            if isinstance(event, Progress):
                yield event
            else:
                found = Inspection(draws=event, **known)
                yield found
        return found

    def _similarity(self, distances: NDArray[np.float32]) -> NDArray[np.float32]:
        nearer = np.searchsorted(self._gaps, distances, side="right")
        return np.asarray(1 - nearer / len(self._gaps), dtype=np.float32)


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


def _find_measured(spots: AnnData, xy: tuple[float, float], recipe: Recipe) -> Measured | None:
    """What the nearest spot measured of the panel, if the point lies within its diameter of it."""
    distances = np.hypot(*(positions(spots) - xy).T)
    nearest = int(distances.argmin())
    if distances[nearest] > spot_diameter(spots):
        return None
    genes, values = measured(spots[[nearest]], recipe.panel, recipe.transform)
    if not genes:
        return None
    truths = dict(zip(genes, map(float, values[0]), strict=True))
    return Measured(str(spots.obs_names[nearest]), float(distances[nearest]), truths)
