"""An inspected point of a slide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_stem._napari.state.session import are_same

if TYPE_CHECKING:
    from napari_stem._napari.state.checkpoint import ChosenCheckpoint
    from napari_stem.prediction.inspection import Inspection
    from napari_stem.slides.slide import Slide


@dataclass(frozen=True, slots=True, eq=False)
class Point:
    """The inspection of a point of a slide.

    Attributes
    ----------
    checkpoint
        The key of the checkpoint that it was inspected with.
    """

    slide: Slide
    checkpoint: str
    inspection: Inspection
    number: int = 0  # the workspace numbers them

    def is_of(self, slide: Slide | None, checkpoint: ChosenCheckpoint | None) -> bool:
        """Whether it was inspected on this slide, at this scale, with this checkpoint."""
        if slide is None or checkpoint is None or self.checkpoint != checkpoint.key:
            return False
        return are_same(self.slide, slide) and self.slide.mpp == slide.mpp

    def repeats(self, other: Point) -> bool:
        """Whether it is the same place with the same checkpoint."""
        return (self.checkpoint, self.inspection.xy) == (other.checkpoint, other.inspection.xy)
