"""Prediction at one point of a slide, with its uncertainty and distance to the training data."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from napari_stem.checkpoints.embedding import iter_embed_as
from napari_stem.events import Events, Progress
from napari_stem.features.compute import Compute
from napari_stem.features.encoders.hub import check_stamps
from napari_stem.genes.counts import UNITS, measured
from napari_stem.model.diffusion import Schedule
from napari_stem.prediction.inspection import Inspection, Measured
from napari_stem.prediction.options import PredictOptions
from napari_stem.prediction.sampling import iter_sample_point
from napari_stem.spots.table import positions, spot_diameter, spot_table

if TYPE_CHECKING:
    from anndata import AnnData
    from numpy.typing import NDArray

    from napari_stem.checkpoints.checkpoint import Checkpoint
    from napari_stem.checkpoints.recipe import Recipe
    from napari_stem.slides.slide import Slide

_NEAREST = 5  # training spots that a point is compared with


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
        embedding = yield from iter_embed_as(
            recipe,
            slide,
            point,
            bfloat16=options.bfloat16,
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
