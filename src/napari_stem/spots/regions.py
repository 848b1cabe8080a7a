"""Regions as callers may write them, turned into polygons: outlines with their holes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import shapely

from napari_stem.errors import OptionError
from napari_stem.spots.polygons import ring
from napari_stem.validation import parse_json

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    RegionLike: TypeAlias = (
        ArrayLike | shapely.Geometry | Mapping[str, Any] | Path | Sequence["RegionLike"]
    )
Polygon: TypeAlias = "tuple[NDArray[np.float64], ...]"

_HOLDERS = {"FeatureCollection": "features", "GeometryCollection": "geometries"}


def as_polygons(region: RegionLike) -> list[Polygon]:
    """Polygons of a region, each an outline with its holes, (m, 2) corners x, y in level-0 pixels.

    Parameters
    ----------
    region
        Corners (m, 2), a shapely polygon or several in one, GeoJSON (a mapping, or the path of a
        file), or a sequence of these.

    Raises
    ------
    OptionError
        It holds no polygon, or one of fewer than three finite corners.
    """
    try:
        found = list(_polygons(region))
    except (OSError, ValueError, TypeError, LookupError) as error:
        raise OptionError(f"The region is not valid: {error}.") from error
    if not found:
        raise OptionError("The region contains no polygon.")
    return found


def _polygons(region: Any) -> Iterator[Polygon]:
    match region:
        case str() | Path():
            yield from _polygons(parse_json(Path(region).read_text(encoding="utf-8-sig")))
        case shapely.Geometry():
            yield from _polygons(shapely.geometry.mapping(region))
        case Mapping():
            yield from _of_geojson(region)
        case _ if _is_corners(region):
            yield (ring(region),)
        case _:
            for part in region:
                yield from _polygons(part)


def _of_geojson(entry: Mapping[str, Any]) -> Iterator[Polygon]:
    """GeoJSON's polygons (RFC 7946); points and lines have no inside."""
    match kind := entry["type"]:
        case "Feature":
            if entry["geometry"] is not None:  # allowed, and written for objects without a place
                yield from _of_geojson(entry["geometry"])
        case "FeatureCollection" | "GeometryCollection":
            for part in entry[_HOLDERS[kind]]:
                yield from _of_geojson(part)
        case "Polygon":
            yield tuple(ring([corner[:2] for corner in each]) for each in entry["coordinates"])
        case "MultiPolygon":
            for rings in entry["coordinates"]:
                yield from _of_geojson({"type": "Polygon", "coordinates": rings})


def _is_corners(region: Any) -> bool:
    """Whether it is one ring: a sequence of pairs of numbers."""
    first = region[0]
    return isinstance(first, Sequence | np.ndarray) and all(
        isinstance(number, int | float | np.number) for number in first
    )
