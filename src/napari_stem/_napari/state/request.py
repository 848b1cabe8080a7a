"""The input and the settings of a prediction."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from napari_stem.features.compute import Compute
from napari_stem.prediction.options import PredictOptions

if TYPE_CHECKING:
    from anndata import AnnData

    from napari_stem._napari.state.checkpoint import ChosenCheckpoint
    from napari_stem.slides.slide import Slide


@dataclass(frozen=True, slots=True, eq=False)
class PredictRequest:
    """Slide, spots, checkpoint and options of a prediction, and where it runs.

    Attributes
    ----------
    whole
        All spots, if `spots` are those of a region.
    name
        What its result is called at first; "" for the name of the checkpoint.
    """

    slide: Slide
    spots: AnnData
    checkpoint: ChosenCheckpoint
    options: PredictOptions = field(default_factory=PredictOptions)
    compute: Compute = field(default_factory=Compute)
    whole: AnnData | None = None
    name: str = ""

    @property
    def n_draws(self) -> int:
        """Draws per spot."""
        return self.options.n_draws

    def with_draws(self, n_draws: int) -> PredictRequest:
        """The same for another number of draws."""
        return replace(self, options=replace(self.options, n_draws=n_draws))

    def continues(self, other: PredictRequest) -> bool:
        """Whether it differs from the other request in the number of draws at most."""
        return (
            self.slide is other.slide
            and self.spots is other.spots
            and self.checkpoint.key == other.checkpoint.key
            and self.options.draw_alike(other.options)
        )
