"""GeoJSON as QuPath writes and reads it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from anndata import AnnData

from napari_stem.errors import SpotsError
from napari_stem.exports.registry import write_prediction
from napari_stem.io import read_spots
from napari_stem.spots.notes import notes_of
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


def feature(kind: str, coordinates: object, **properties: object) -> dict[str, object]:
    geometry = {"type": kind, "coordinates": coordinates}
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def test_points_and_centroids_of_drawn_shapes_become_spots(tmp_path: Path):
    path = tmp_path / "drawn.geojson"
    triangle = [[0, 0], [60, 0], [0, 90], [0, 0]]
    content = [
        feature("Polygon", [triangle], name="a", objectType="tile"),
        feature("Point", [500, 40]),
        feature("LineString", [[0, 0], [9, 9]]),
    ]
    path.write_text(json.dumps(content))  # QuPath also writes a bare list
    spots = read_spots(path)
    np.testing.assert_allclose(positions(spots), [[20, 30], [500, 40]])
    assert spot_diameter(spots) == pytest.approx(2 * np.sqrt(2700 / np.pi))
    flat = [[0, 0], [8, 0], [4, 0], [0, 0]]
    path.write_text(json.dumps([*content, feature("Polygon", [flat], objectType="cell")]))
    np.testing.assert_allclose(positions(read_spots(path)), [[20, 30], [500, 40], [4, 0]])
    hole = [[10, 10], [20, 10], [20, 20], [10, 20], [10, 10]]
    path.write_text(json.dumps([feature("Polygon", [triangle, hole], objectType="tile")]))
    assert spot_diameter(read_spots(path)) == pytest.approx(2 * np.sqrt(2600 / np.pi))
    path.write_text(json.dumps([feature("Point", [x, 0]) for x in (0, 100, 200)]))
    assert spot_diameter(read_spots(path)) == pytest.approx(55)


def disc(x: float, y: float, radius: float = 30) -> list[list[float]]:
    angle = np.append(np.linspace(0, 2 * np.pi, 12, endpoint=False), 0)
    return [[x + radius * np.cos(a), y + radius * np.sin(a)] for a in angle]


def test_many_polygons_of_one_size_are_spots_and_others_regions(tmp_path: Path):
    path = tmp_path / "spots.geojson"
    discs = [feature("Polygon", [disc(100 * i, 50)]) for i in range(12)]
    path.write_text(json.dumps(discs))
    assert read_spots(path).n_obs == 12
    path.write_text(json.dumps(discs[:3]))
    with pytest.raises(SpotsError, match=r"3 regions and no spots\. Open its slide first"):
        read_spots(path)
    path.write_text(json.dumps([*discs[:3], feature("MultiPoint", [[1, 2], [9, 9]])]))
    spots = read_spots(path)
    np.testing.assert_array_equal(positions(spots), [[1, 2], [9, 9]])
    assert notes_of(spots) == ("3 regions beside the spots left out",)


def test_a_tile_in_two_parts_is_one_spot(tmp_path: Path):
    path = tmp_path / "tiles.geojson"
    parts = [[disc(100, 100)], [disc(200, 100)]]
    path.write_text(json.dumps([feature("MultiPolygon", parts, objectType="tile")]))
    np.testing.assert_allclose(positions(read_spots(path)), [[150, 100]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "could not be read as GeoJSON"),
        ('{"a": 1}', "could not be read as GeoJSON"),
        ("[1, 2]", "could not be read as GeoJSON"),
        ('[{"geometry": null}]', "no points and no polygons"),
        ('[{"geometry": 1}]', "could not be read as GeoJSON"),
        ('[{"geometry": {"type": "Point", "coordinates": [1]}}]', "could not be read as GeoJSON"),
        ('[{"geometry": {"type": "Polygon", "coordinates": [[[1, 2]]]}}]', "could not be read"),
        ("[]", "no points and no polygons"),
        ('[{"geometry": {"type": "Point", "coordinates": [1, 2]}}]', "diameter of a single spot"),
    ],
)
def test_unusable_files_are_refused(tmp_path: Path, text: str, message: str):
    path = tmp_path / "drawn.geojson"
    path.write_text(text)
    with pytest.raises(SpotsError, match=rf"{message}.*drawn\.geojson'"):
        read_spots(path)
