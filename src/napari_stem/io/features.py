"""Features of GeoJSON files, as QuPath and other programs write them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from napari_stem.errors import SpotsError
from napari_stem.io.bounded import UNREADABLE
from napari_stem.spots.polygons import ring
from napari_stem.text import one_line

if TYPE_CHECKING:
    from numpy.typing import NDArray

T = TypeVar("T")

_OBJECT = re.compile(r"Path(Annotation|Tile|Cell|Detection)Object")
_FEWEST = 12  # spots
_ALIKE = 0.25  # of their mean, by which areas of spots vary


def read_features(path: Path, take: Callable[[dict[str, Any]], T | None]) -> list[T]:
    """The results of `take` for each feature that has a geometry, without None.

    The file may be a FeatureCollection, one Feature, a bare geometry, or a list of features.

    Raises
    ------
    SpotsError
        The file is not GeoJSON, or `take` failed on a feature.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"), parse_int=float)
        return [taken for each in _features(content) if (taken := take(each)) is not None]
    except (*UNREADABLE, AttributeError) as error:
        raise SpotsError(
            f"The file could not be read as GeoJSON: {one_line(repr(error))}. File: '{path}'."
        ) from error


def _features(content: Any) -> Iterator[dict[str, Any]]:
    if isinstance(content, dict):
        match content.get("type"):
            case "Feature":
                content = [content]
            case "Polygon" | "MultiPolygon" | "Point" | "MultiPoint" | "GeometryCollection":
                content = [{"geometry": content}]
            case _:
                content = content["features"]
    for feature in content:
        geometry = feature["geometry"]
        if geometry is None:  # allowed, and written for objects without a place
            continue
        if geometry["type"] == "GeometryCollection":
            yield from ({**feature, "geometry": part} for part in geometry["geometries"])
        else:
            yield feature


def object_kind(feature: dict[str, Any]) -> str:
    """What QuPath calls a feature, such as "annotation" or "tile"; "" if nothing tells.

    Its versions wrote this as the feature's id (PathAnnotationObject), or in its properties.
    """
    properties = feature.get("properties") or {}
    stated = properties.get("objectType") or properties.get("object_type")
    if stated:
        return str(stated).lower()
    found = _OBJECT.fullmatch(str(feature.get("id", "")))
    return found[1].lower() if found else ""


def read_polygons(geometry: dict[str, Any]) -> list[tuple[NDArray[np.float64], ...]]:
    """The polygons of a geometry, each an outline with its holes; none of points and lines.

    Raises
    ------
    ValueError
        A ring is not valid.
    """
    match geometry["type"]:
        case "Polygon":
            return [read_polygon(geometry["coordinates"])]
        case "MultiPolygon":
            return list(map(read_polygon, geometry["coordinates"]))
        case _:
            return []


def are_alike(areas: Sequence[float]) -> bool:
    """Whether polygons of these areas are the discs or squares of spots, rather than regions."""
    return len(areas) >= _FEWEST and float(np.std(areas)) < _ALIKE * float(np.mean(areas))


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
