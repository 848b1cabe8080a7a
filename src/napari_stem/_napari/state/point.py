"""A point of a slide that was inspected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_stem._napari.state.session import are_same

if TYPE_CHECKING:
    from napari_stem._napari.state.checkpoint import ChosenCheckpoint
    from napari_stem.prediction.inspect import Inspection
    from napari_stem.slides.slide import Slide


@dataclass(frozen=True, slots=True, eq=False)
class Point:
    """What was drawn at a point, and what it was inspected with."""

    number: int
    slide: Slide
    checkpoint: ChosenCheckpoint
    inspection: Inspection

    def is_of(self, slide: Slide | None, checkpoint: ChosenCheckpoint | None) -> bool:
        """Whether it is of this slide, at its scale, and of this checkpoint."""
        if slide is None or self.checkpoint is not checkpoint:
            return False
        return are_same(self.slide, slide) and self.slide.mpp == slide.mpp
