"""Predictions as QuPath tiles: a polygon a spot, expression and its SD as measurements."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import numpy as np
from anndata import AnnData

from napari_stem.spots import positions, spot_diameter
from napari_stem.storage import atomic_path

_CORNERS = 12
_NAMESPACE = uuid.UUID("6f1c1d34-5b0e-4a3e-9d38-0f0b6a1c7e55")


def write_geojson(prediction: AnnData, path: Path) -> None:
    """Write a FeatureCollection that QuPath imports by dropping the file on its viewer.

    Coordinates are level-0 pixels. Clusters, where there are any, become classifications.
    """
    features = [_feature(prediction, row) for row in range(prediction.n_obs)]
    with atomic_path(path) as draft:
        draft.write_text(json.dumps({"type": "FeatureCollection", "features": features}))


def _feature(prediction: AnnData, row: int) -> dict[str, Any]:
    name = str(prediction.obs_names[row])
    properties: dict[str, Any] = {
        "objectType": "tile",
        "name": name,
        "measurements": _measurements(prediction, row),
    }
    if "leiden" in prediction.obs:
        properties["classification"] = {"name": f"Cluster {prediction.obs['leiden'].iloc[row]}"}
    centre = positions(prediction)[row]
    return {
        "type": "Feature",
        "id": str(uuid.uuid5(_NAMESPACE, f"{name}/{centre[0]}/{centre[1]}")),
        "geometry": {"type": "Polygon", "coordinates": [_ring(centre, spot_diameter(prediction))]},
        "properties": properties,
    }


def _measurements(prediction: AnnData, row: int) -> dict[str, float]:
    values = {"OOD": float(prediction.obs["ood"].iloc[row])} if "ood" in prediction.obs else {}
    means, stds = np.asarray(prediction.X)[row], np.asarray(prediction.layers["std"])[row]
    for gene, mean, std in zip(prediction.var_names, means, stds, strict=True):
        values[gene] = round(float(mean), 4)
        values[f"{gene} SD"] = round(float(std), 4)
    return values


def _ring(centre: np.ndarray[Any, Any], diameter: float) -> list[list[float]]:
    """A closed polygon of the disc's area."""
    angle = np.linspace(0, 2 * np.pi, _CORNERS + 1)
    polygon_area = _CORNERS / 2 * np.sin(2 * np.pi / _CORNERS)
    radius = diameter / 2 * np.sqrt(np.pi / polygon_area)
    ring = centre + radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    ring[-1] = ring[0]
    return [[float(x), float(y)] for x, y in ring.round(2)]
