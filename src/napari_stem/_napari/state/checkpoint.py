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
    """A checkpoint by its header; its weights are read when it predicts.

    Attributes
    ----------
    content
        A digest of its file.
    weights
        Local weights files by encoder, which are used instead of a download.
    """

    path: Path
    recipe: Recipe
    unit: str
    about: Mapping[str, Any] = field(default_factory=dict)
    content: str = ""
    weights: Mapping[str, Path] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The same for the same content and weights, whenever and wherever it was opened."""
        weights = (f"{name}={path}" for name, path in sorted(self.weights.items()))
        return " ".join([self.content or str(self.path), *weights])

    def lacking(self, slide: Slide) -> str:
        """The message if it needs a scale that the slide does not have; "" otherwise."""
        try:
            self.recipe.patch_widths(slide, 1.0)
        except MissingScale:
            return (
                f"The scale of {slide.name} is unknown. {self.path.stem} needs it, as it sees "
                "tissue of a width in µm. Type the scale (µm/px) in the Predict dock."
            )
        return ""
