"""QuPath's GeoJSON: spots from annotations, predictions as tiles with measurements."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from anndata import AnnData

from napari_stem.analysis.labels import cluster_title
from napari_stem.errors import SpotsError
from napari_stem.io.features import are_alike, object_kind, read_features, read_polygons
from napari_stem.io.naming import named
from napari_stem.spots.notes import add_notes
from napari_stem.spots.polygons import area, centroid
from napari_stem.spots.table import positions, spaced_diameter, spot_diameter, spot_table
from napari_stem.storage import atomic_path
from napari_stem.text import counted

if TYPE_CHECKING:
    from numpy.typing import NDArray

_CORNERS = 12
_NAMESPACE = uuid.UUID("6f1c1d34-5b0e-4a3e-9d38-0f0b6a1c7e55")


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
    name = str((feature.get("properties") or {}).get("name", ""))
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


def write_geojson(prediction: AnnData, path: Path) -> None:
    """Write a FeatureCollection that QuPath imports by dropping the file on its viewer.

    A spot becomes a tile with the area of its disc, in level-0 pixels; mean and standard
    deviation of each gene become measurements. Clusters, where there are any, become
    classifications, in the colours of `uns["leiden_colors"]` if the prediction has them.
    """
    with atomic_path(path) as draft, draft.open("w", encoding="utf-8") as file:
        file.write('{"type": "FeatureCollection", "features": [')
        for row, feature in enumerate(_features(prediction)):
            file.write((",\n" if row else "\n") + json.dumps(feature))
        file.write("\n]}\n")


def _features(prediction: AnnData) -> Iterator[dict[str, Any]]:
    means = np.asarray(prediction.X, dtype=float).round(4)
    stds = np.asarray(prediction.layers["std"], dtype=float).round(4)
    names = [*prediction.var_names, *(f"{gene} SD" for gene in prediction.var_names)]
    classes = _classes(prediction)
    rings = _rings(positions(prediction), spot_diameter(prediction))
    for row, (spot, tile) in enumerate(zip(prediction.obs_names, rings, strict=True)):
        measurements = dict(zip(names, [*means[row].tolist(), *stds[row].tolist()], strict=True))
        if "ood" in prediction.obs:
            measurements["OOD"] = float(prediction.obs["ood"].iloc[row])
        properties = {"objectType": "tile", "name": str(spot), "measurements": measurements}
        if classes and (known := classes[row]):
            properties["classification"] = known
        yield {
            "type": "Feature",
            "id": str(uuid.uuid5(_NAMESPACE, f"{spot}/{tile[0]}")),
            "geometry": {"type": "Polygon", "coordinates": [tile]},
            "properties": properties,
        }


def _classes(prediction: AnnData) -> list[dict[str, Any] | None]:
    """The class of each spot, None without a cluster; empty without clusters."""
    if "leiden" not in prediction.obs:
        return []
    clusters = prediction.obs["leiden"].astype("category").cat
    classes: list[dict[str, Any]] = [
        {"name": cluster_title(str(name))} for name in clusters.categories
    ]
    for known, colour in zip(classes, prediction.uns.get("leiden_colors", ()), strict=False):
        known["color"] = list(bytes.fromhex(str(colour).removeprefix("#")[:6]))
    return [classes[code] if code >= 0 else None for code in clusters.codes]


def _rings(centres: NDArray[np.float64], diameter: float) -> list[list[list[float]]]:
    """Closed polygons of the discs' area."""
    angle = np.linspace(0, 2 * np.pi, _CORNERS, endpoint=False)
    radius = diameter / 2 * np.sqrt(2 * np.pi / _CORNERS / np.sin(2 * np.pi / _CORNERS))
    disc = radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    corners = (centres[:, None] + disc).round(2)
    closed: list[list[list[float]]] = np.concatenate([corners, corners[:, :1]], axis=1).tolist()
    return closed
