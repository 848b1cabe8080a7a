"""Work that no file of the user holds, which is asked about before it is discarded."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_stem._napari.state.drawn_shape import DrawnShape
    from napari_stem._napari.state.kept_result import KeptResult
    from napari_stem._napari.state.point import Point


class Unsaved(NamedTuple):
    """Results, inspected points and drawn regions."""

    results: Sequence[KeptResult] = ()
    points: Sequence[Point] = ()
    regions: Sequence[DrawnShape] = ()
