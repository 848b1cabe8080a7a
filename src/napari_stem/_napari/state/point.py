"""An inspected point of a slide."""

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
    """The inspection of a point, with its slide and its checkpoint."""

    number: int
    slide: Slide
    checkpoint: ChosenCheckpoint
    inspection: Inspection

    def is_of(self, slide: Slide | None, checkpoint: ChosenCheckpoint | None) -> bool:
        """Whether it was inspected on this slide, at this scale, with this checkpoint."""
        if slide is None or not self.checkpoint.is_same(checkpoint):
            return False
        return are_same(self.slide, slide) and self.slide.mpp == slide.mpp
