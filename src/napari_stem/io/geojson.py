"""Spots from GeoJSON, as QuPath writes its annotations."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_stem.errors import SpotsError
from napari_stem.io.features import read_features, read_polygon
from napari_stem.io.naming import named
from napari_stem.spots.polygons import area, centroid
from napari_stem.spots.table import spaced_diameter, spot_table

if TYPE_CHECKING:
    from anndata import AnnData
    from numpy.typing import NDArray


def read_geojson(path: Path) -> AnnData:
    """Spots at points and at the centroids of polygons, in level-0 pixels.

    The diameter is that of discs with the polygons' median area.

    Raises
    ------
    SpotsError
        The file is no GeoJSON, or holds neither points nor polygons.
    """
    found = read_features(path, _place)
    if not found:
        raise SpotsError(
            "The file has no points and no polygons. Export annotations from QuPath as "
            f"GeoJSON. File: '{path}'."
        )
    ids, centres, sizes = zip(*found, strict=True)
    xy, areas = np.array(centres), [size for size in sizes if size > 0]
    unique = all(ids) and len(set(ids)) == len(ids)
    with named(path):
        diameter = 2 * np.sqrt(np.median(areas) / np.pi) if areas else spaced_diameter(xy)
        return spot_table(xy, diameter_px=diameter, ids=ids if unique else None, library=path.stem)


def _place(feature: dict[str, Any]) -> tuple[str, NDArray[np.float64], float] | None:
    """Name, centre and area of a feature; None if it is neither a point nor a polygon."""
    geometry = feature["geometry"]
    name = str((feature.get("properties") or {}).get("name", ""))
    if geometry["type"] == "Point":
        x, y = geometry["coordinates"][:2]
        return name, np.array([x, y], dtype=float), 0.0
    if geometry["type"] == "Polygon":
        polygon = read_polygon(geometry["coordinates"])
        return name, centroid(polygon), area(polygon)
    return None
