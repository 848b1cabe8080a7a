"""Spots from GeoJSON, as QuPath writes its annotations."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_stem.errors import SpotsError
from napari_stem.io.features import are_alike, object_kind, read_features, read_polygons
from napari_stem.io.naming import named
from napari_stem.spots.notes import add_notes
from napari_stem.spots.polygons import area, centroid
from napari_stem.spots.table import spaced_diameter, spot_table
from napari_stem.text import counted

if TYPE_CHECKING:
    from anndata import AnnData
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class _Place:
    """A feature as a spot: its QuPath type, name, centre (2,) and area; 0 of a point."""

    kind: str
    name: str
    centre: NDArray[np.float64]
    area: float


def read_geojson(path: Path) -> AnnData:
    """Spots at points and at the centroids of tiles and cells, in level-0 pixels.

    The diameter is that of discs with the polygons' median area. Annotations, and polygons
    without a type unless there are many of one size, are regions and no spots.

    Raises
    ------
    SpotsError
        The file is no GeoJSON, or holds no spots.
    """
    found = [place for places in read_features(path, _places) for place in places]
    plain = [place.area for place in found if not place.kind and place.area]
    of_regions = ("annotation",) if are_alike(plain) else ("annotation", "")
    regions = [place for place in found if place.area and place.kind in of_regions]
    spots = [place for place in found if not place.area or place.kind not in of_regions]
    if not spots and regions:
        raise SpotsError(
            f"The file has {counted(len(regions), 'region')} and no spots. Open its slide first; "
            f"the regions are then filled with a grid. File: '{path}'."
        )
    if not spots:
        raise SpotsError(
            "The file has no points and no polygons. Export objects from QuPath as "
            f"GeoJSON. File: '{path}'."
        )
    names = [place.name for place in spots]
    xy, areas = np.array([place.centre for place in spots]), [p.area for p in spots if p.area]
    unique = all(names) and len(set(names)) == len(names)
    with named(path):
        diameter = 2 * np.sqrt(np.median(areas) / np.pi) if areas else spaced_diameter(xy)
        table = spot_table(
            xy, diameter_px=diameter, ids=names if unique else None, library=path.stem
        )
    if regions:
        add_notes(table, [f"{counted(len(regions), 'region')} beside the spots left out"])
    return table


def _places(feature: dict[str, Any]) -> list[_Place] | None:
    """The spots of a feature; None if it has neither points nor polygons."""
    geometry, kind = feature["geometry"], object_kind(feature)
    name = str((feature.get("properties") or {}).get("name") or "")
    if geometry["type"] in ("Point", "MultiPoint"):
        points = geometry["coordinates"]
        corners = np.array([points] if geometry["type"] == "Point" else points, dtype=float)
        return [_Place(kind, name, np.array([x, y]), 0.0) for x, y in corners[:, :2]]
    polygons = read_polygons(geometry)
    if not polygons:
        return None
    areas = np.array([area(polygon) for polygon in polygons])
    centres = np.array([centroid(polygon) for polygon in polygons])
    weights = areas if areas.sum() else np.ones(len(areas))
    middle = np.average(centres, axis=0, weights=weights)
    return [_Place(kind, name, middle, float(areas.sum()))]
