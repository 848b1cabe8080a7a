"""GeoJSON for QuPath: spots as tiles with measurements."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_stem.analysis.labels import Clusters
from napari_stem.events import Check, go_on
from napari_stem.exports.described import description
from napari_stem.exports.exporter import Exporter
from napari_stem.exports.heatmaps import GEOJSON_START
from napari_stem.prediction.trust import warnings_of
from napari_stem.roomy import blocks
from napari_stem.spots.provenance import origin
from napari_stem.spots.table import positions, spot_diameter
from napari_stem.storage import atomic_path

if TYPE_CHECKING:
    from anndata import AnnData
    from numpy.typing import NDArray

_CORNERS = 12
_NAMESPACE = uuid.UUID("6f1c1d34-5b0e-4a3e-9d38-0f0b6a1c7e55")


def write_geojson(
    prediction: AnnData, path: Path, genes: Sequence[str] = (), check: Check = go_on
) -> None:
    """Write a FeatureCollection that QuPath imports by dropping the file on its viewer.

    A spot becomes a tile with the area of its disc, in level-0 pixels; mean and standard
    deviation of each gene become measurements. Clusters, where there are any, become
    classifications, in the colours of `uns["leiden_colors"]` if the prediction has them. The
    member "napari_stem" describes the prediction, which opens from it again (`exports.heatmaps`).
    """
    with atomic_path(path) as draft, draft.open("w", encoding="utf-8") as file:
        stated = json.dumps(description(prediction))
        told = json.dumps({"name": str(origin(prediction)), "warnings": warnings_of(prediction)})
        file.write(f'{GEOJSON_START}{stated}, {told[1:-1]}, "features": [')
        for row, feature in enumerate(_features(prediction)):
            check()
            file.write((",\n" if row else "\n") + json.dumps(feature))
        file.write("\n]}\n")


EXPORTER = Exporter(
    suffix=".geojson",
    name="QuPath GeoJSON",
    holds="Tiles with measurements and clusters. Drop the file onto the slide in QuPath.",
    write=write_geojson,
)


def _features(prediction: AnnData) -> Iterator[dict[str, Any]]:
    names = [*prediction.var_names, *(f"{gene} SD" for gene in prediction.var_names)]
    if "ood" in prediction.obs:
        names.append("OOD")
    classes, spots = _classes(prediction), prediction.obs_names
    for rows in blocks(prediction.n_obs, 2 * prediction.n_vars):
        tiles = _rings(positions(prediction)[rows], spot_diameter(prediction))
        for row, (tile, values) in enumerate(
            zip(tiles, _measured(prediction, rows), strict=True), rows.start
        ):
            measurements = dict(zip(names, values, strict=True))
            properties: dict[str, Any] = {
                "objectType": "tile", "name": str(spots[row]), "measurements": measurements,
            }  # fmt: skip
            if classes and (known := classes[row]):
                properties["classification"] = known
            yield {
                "type": "Feature",
                "id": str(uuid.uuid5(_NAMESPACE, f"{spots[row]}/{tile[0]}")),
                "geometry": {"type": "Polygon", "coordinates": [tile]},
                "properties": properties,
            }


def _measured(prediction: AnnData, rows: slice) -> list[list[float]]:
    """Mean and standard deviation of each gene at some spots, and their distance if it is known."""
    parts = [prediction.X[rows], prediction.layers["std"][rows]]
    values = np.concatenate([np.asarray(part, dtype=float) for part in parts], axis=1).round(4)
    if "ood" in prediction.obs:
        ood = prediction.obs["ood"].to_numpy(dtype=float)[rows, None]
        values = np.concatenate([values, ood], axis=1)
    found: list[list[float]] = values.tolist()
    return found


def _classes(prediction: AnnData) -> list[dict[str, Any] | None]:
    """The class of each spot, None without a cluster; empty without clusters."""
    if "leiden" not in prediction.obs:
        return []
    clusters = Clusters.of_prediction(prediction)
    classes: list[dict[str, Any]] = [{"name": title} for title in clusters.titles]
    if "leiden_colors" in prediction.uns:
        for known, colour in zip(classes, clusters.colours, strict=True):
            known["color"] = list(bytes.fromhex(colour[1:]))
    return [[None, *classes][number] for number in clusters.numbers]


def _rings(centres: NDArray[np.float64], diameter: float) -> list[list[list[float]]]:
    """Closed polygons of the discs' area."""
    angle = np.linspace(0, 2 * np.pi, _CORNERS, endpoint=False)
    radius = diameter / 2 * np.sqrt(2 * np.pi / _CORNERS / np.sin(2 * np.pi / _CORNERS))
    disc = radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    corners = (centres[:, None] + disc).round(2)
    closed: list[list[list[float]]] = np.concatenate([corners, corners[:, :1]], axis=1).tolist()
    return closed
