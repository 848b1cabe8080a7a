"""The checkpoint that was chosen to predict with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from napari_stem.errors import MissingScale

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from napari_stem.checkpoints.recipe import Recipe
    from napari_stem.slides.slide import Slide


@dataclass(frozen=True, slots=True, eq=False)
class ChosenCheckpoint:
    """A checkpoint as people see it; its weights are read when it predicts."""

    path: Path
    recipe: Recipe
    unit: str
    about: Mapping[str, Any] = field(default_factory=dict)

    def lacking(self, slide: Slide) -> str:
        """What to do where it needs a scale that the slide does not state."""
        try:
            self.recipe.patch_widths(slide, 1.0)
        except MissingScale:
            return (
                f"{self.path.stem} looks at patches of a size in µm, and the scale of "
                f"{slide.name} is unknown. Type its µm per pixel in the Predict dock."
            )
        return ""
