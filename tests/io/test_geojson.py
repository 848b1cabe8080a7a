"""Drawn shapes become spots."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from napari_stem.errors import SpotsError
from napari_stem.io import read_spots
from napari_stem.spots.notes import notes_of
from napari_stem.spots.table import positions, spot_diameter


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
