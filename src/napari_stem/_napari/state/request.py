"""The input and the settings of a prediction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anndata import AnnData

    from napari_stem._napari.state.checkpoint import ChosenCheckpoint
    from napari_stem.slides.slide import Slide


@dataclass(frozen=True, slots=True, eq=False)
class PredictRequest:
    """Slide, spots, checkpoint and settings that determine a prediction."""

    slide: Slide
    spots: AnnData
    checkpoint: ChosenCheckpoint
    n_draws: int = 20
    sampler: str = "dpm++"
    steps: int = 20
    seed: int = 0
    device: str = "auto"
    batch_size: int = 256

    def continues(self, other: PredictRequest) -> bool:
        """Whether it differs from the other request in the number of draws at most."""
        return (
            self.slide is other.slide
            and self.spots is other.spots
            and self.checkpoint is other.checkpoint
            and (self.sampler, self.steps, self.seed) == (other.sampler, other.steps, other.seed)
        )
