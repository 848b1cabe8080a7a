"""A level of an array whose axes, depth or channels are not those of 8-bit RGB."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_stem.slides.colour import Colours
from napari_stem.slides.pyramid import Sliced


class Converted(Sliced):
    """One plane of an array as RGB.

    Parameters
    ----------
    axes
        A letter a dimension: Y, X, C for colours, any other for one of which one plane is shown.
    colours
        What its samples are.
    plane
        The number of the plane by axis; the first where none is given.
    """

    def __init__(
        self, array: Any, axes: str, colours: Colours, plane: Mapping[str, int] | None = None
    ) -> None:
        super().__init__(array.shape[axes.index("Y")], array.shape[axes.index("X")])
        self._array = array
        self._axes = axes
        self._colours = colours
        self._plane = plane or {}

    def read(self, top: int, bottom: int, left: int, right: int) -> NDArray[np.uint8]:
        """A rectangle in the axes and colours of others."""
        parts = {"Y": slice(top, bottom), "X": slice(left, right), "C": slice(None)}
        place = tuple(parts.get(axis, self._plane.get(axis, 0)) for axis in self._axes)
        pixels = np.asarray(self._array[place])
        kept = [axis for axis in self._axes if axis in parts]
        return self._colours.rgb(pixels.transpose([kept.index(axis) for axis in "YXC"]))
