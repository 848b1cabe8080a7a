"""A shape that a user drew on a slide."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class DrawnShape(NamedTuple):
    """A rectangle, polygon or ellipse, with (m, 2) corners x, y in level-0 pixels.

    An ellipse has the corners of its box.
    """

    kind: str
    corners: NDArray[np.float64]
