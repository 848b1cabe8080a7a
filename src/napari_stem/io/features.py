"""Features of GeoJSON files, as QuPath and other programs write them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from napari_stem.errors import SpotsError
from napari_stem.io.bounded import UNREADABLE
from napari_stem.spots.polygons import ring
from napari_stem.text import one_line

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

T = TypeVar("T")


def read_features(path: Path, take: Callable[[dict[str, Any]], T | None]) -> list[T]:
    """The results of `take` for each feature, without None.

    Raises
    ------
    SpotsError
        The file is not GeoJSON, or `take` failed on a feature.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"), parse_int=float)
        features = content["features"] if isinstance(content, dict) else content
        return [taken for feature in features if (taken := take(feature)) is not None]
    except (*UNREADABLE, AttributeError) as error:
        raise SpotsError(
            f"The file could not be read as GeoJSON: {one_line(repr(error))}. File: '{path}'."
        ) from error


def read_polygon(coordinates: list[list[list[float]]]) -> tuple[NDArray[np.float64], ...]:
    """An outline with its holes, each (m, 2) corners x, y, from the coordinates of a Polygon.

    Raises
    ------
    ValueError
        There is no ring, or one is not valid.
    """
    if not coordinates:
        raise ValueError("a polygon has no corners")
    return tuple(ring([corner[:2] for corner in corners]) for corners in coordinates)
