"""Regions in whatever form people have them."""

from __future__ import annotations

import json

import numpy as np
import pytest
import shapely

from napari_stem.errors import OptionError
from napari_stem.spots.polygons import inside
from napari_stem.spots.regions import as_polygons

SQUARE = np.array([[0, 0], [10, 0], [10, 10], [0, 10]], float)
HOLED = shapely.Polygon(SQUARE, [SQUARE / 2 + 2])
FAR = shapely.Polygon(SQUARE + 100)
BOTH = shapely.MultiPolygon([HOLED, FAR])
POINTS = np.random.default_rng(0).uniform(-5, 120, (4000, 2))


def features(*geometries: shapely.Geometry) -> dict[str, object]:
    parts = [{"type": "Feature", "geometry": json.loads(shapely.to_geojson(g))} for g in geometries]
    return {"type": "FeatureCollection", "features": parts}


@pytest.mark.parametrize(
    ("region", "expected"),
    [
        (SQUARE, shapely.Polygon(SQUARE)),
        (SQUARE.astype(int).tolist(), shapely.Polygon(SQUARE)),
        ([SQUARE, SQUARE + 100], shapely.MultiPolygon([shapely.Polygon(SQUARE), FAR])),
        (HOLED, HOLED),
        (BOTH, BOTH),
        ([HOLED, FAR], BOTH),
        (shapely.GeometryCollection([HOLED, FAR, shapely.Point(1, 1)]), BOTH),
        (json.loads(shapely.to_geojson(BOTH)), BOTH),
        (features(HOLED, shapely.Point(3, 3), FAR), BOTH),
        ([features(HOLED), SQUARE + 100], BOTH),
    ],
)
def test_every_form_holds_the_points_that_shapely_says(region, expected):
    found = inside(POINTS, as_polygons(region))
    np.testing.assert_array_equal(found, shapely.intersects_xy(expected, POINTS))


@pytest.mark.parametrize("kind", [str, lambda path: path])
def test_a_file_of_geojson_is_a_region(tmp_path, kind):
    path = tmp_path / "region.geojson"
    path.write_text(json.dumps(features(HOLED, FAR)))
    np.testing.assert_array_equal(
        inside(POINTS, as_polygons(kind(path))), inside(POINTS, as_polygons(BOTH))
    )


@pytest.mark.parametrize(
    "region",
    [shapely.Point(1, 2), features(), {"no": "type"}, "missing.geojson", [[0, 0], [1, 1]], 5, []],
)
def test_what_is_no_region_is_refused(region):
    with pytest.raises(OptionError, match="region"):
        as_polygons(region)
