"""A shape that a user drew on a slide."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from napari_stem.slides.slide import Slide

_DIGITS = 2  # of pixels; a shape that was saved and read again is the same


class DrawnShape(NamedTuple):
    """A rectangle, polygon or ellipse, with corners x, y in level-0 pixels.

    An ellipse has the corners of its box.

    Attributes
    ----------
    slide
        The fingerprint of the slide that it was drawn on.
    """

    slide: str
    kind: str
    corners: tuple[tuple[float, float], ...]

    @classmethod
    def on(cls, slide: Slide, kind: str, corners: ArrayLike) -> DrawnShape:
        """A shape on a slide; `corners` (m, 2)."""
        xy = np.round(np.asarray(corners, np.float64).reshape(-1, 2), _DIGITS)
        return cls(slide.fingerprint, kind, tuple((x, y) for x, y in xy.tolist()))
