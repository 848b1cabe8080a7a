"""GeoJSON as QuPath reads it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from anndata import AnnData

from napari_stem.exports.registry import write_prediction
from napari_stem.io import read_spots
from napari_stem.spots.table import positions, spot_diameter


def features(path: Path) -> list[dict]:
    content = json.loads(path.read_text())
    assert content["type"] == "FeatureCollection"
    return content["features"]


def test_spots_become_tiles_with_measurements(tmp_path: Path, prediction: AnnData):
    path = tmp_path / "C5.geojson"
    write_prediction(prediction, path)
    tiles = features(path)
    assert len({tile["id"] for tile in tiles}) == len(tiles) == prediction.n_obs
    for row, tile in enumerate(tiles):
        assert tile["properties"]["objectType"] == "tile"
        assert tile["properties"]["name"] == prediction.obs_names[row]
        found = tile["properties"]["measurements"]
        expected = {
            "OOD": prediction.obs["ood"].iloc[row],
            **dict(zip(prediction.var_names, prediction.X[row], strict=True)),
            **dict(zip(prediction.var_names + " SD", prediction.layers["std"][row], strict=True)),
        }
        assert found == pytest.approx(expected, abs=1e-4)


def test_tiles_are_closed_rings_with_the_area_of_the_spot(tmp_path: Path, prediction: AnnData):
    path = tmp_path / "C5.geojson"
    write_prediction(prediction, path)
    for tile, centre in zip(features(path), positions(prediction), strict=True):
        ring = np.array(tile["geometry"]["coordinates"][0])
        assert (ring[0] == ring[-1]).all()
        x, y = (ring - ring.mean(axis=0)).T
        area = abs(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1])) / 2
        assert area == pytest.approx(np.pi * 30**2, rel=1e-3)
        np.testing.assert_allclose(ring[:-1].mean(axis=0), centre, atol=0.01)


def test_clusters_become_classifications_in_their_colours(tmp_path: Path, prediction: AnnData):
    path = tmp_path / "C5.geojson"
    prediction.uns["leiden_colors"] = ["#0072b2", "#E69F00ff"]
    write_prediction(prediction, path)
    classes = [tile["properties"]["classification"] for tile in features(path)]
    assert classes[0] == {"name": "Cluster 1", "color": [0, 114, 178]}
    assert classes[1] == {"name": "Cluster 2", "color": [230, 159, 0]}
    del prediction.uns["leiden_colors"]
    write_prediction(prediction, path)
    assert features(path)[0]["properties"]["classification"] == {"name": "Cluster 1"}
    prediction.obs.loc[prediction.obs_names[0], "leiden"] = None
    write_prediction(prediction, path)
    assert "classification" not in features(path)[0]["properties"]
    assert "classification" in features(path)[1]["properties"]
    del prediction.obs["leiden"]
    write_prediction(prediction, path)
    assert "classification" not in features(path)[0]["properties"]


def test_written_tiles_are_read_as_the_same_spots(tmp_path: Path, prediction: AnnData):
    path = tmp_path / "C5.geojson"
    write_prediction(prediction, path)
    spots = read_spots(path)
    assert list(spots.obs_names) == list(prediction.obs_names)
    np.testing.assert_allclose(positions(spots), positions(prediction), atol=0.01)
    assert spot_diameter(spots) == pytest.approx(60, abs=0.1)
