"""Stores that spatialdata writes become spot tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from anndata import AnnData
from shapely import Polygon
from spatialdata import SpatialData
from spatialdata.models import ShapesModel, TableModel
from spatialdata.transformations import Affine, Identity, Scale

from napari_stem.errors import SpotsError
from napari_stem.exports.registry import write_prediction
from napari_stem.io import is_spot_source, read_spots
from napari_stem.spots.table import positions, spot_diameter

pytestmark = pytest.mark.filterwarnings("ignore")  # its dependencies' own to mend

XY = np.array([[100.0, 50.0], [220, 50], [160, 150], [280, 150]])
TURN = Affine([[0, -2, 900], [2, 0, 30], [0, 0, 1]], ("x", "y"), ("x", "y"))


def store(shapes, **tables) -> SpatialData:
    """Shapes with a table whose rows have another order."""
    counts = np.arange(8, dtype=np.float32).reshape(4, 2)
    table = AnnData(counts)
    table.obs_names, table.var_names = list("dcba"), ["EPCAM", "CD3E"]
    table.obs["region"], table.obs["instance"] = "spots", [3, 2, 1, 0]
    table.obs["region"] = table.obs["region"].astype("category")
    table = TableModel.parse(table, region="spots", region_key="region", instance_key="instance")
    return SpatialData(shapes={"spots": shapes}, tables={"table": table} | tables)


@pytest.mark.parametrize(
    ("transformations", "expected", "diameter"),
    [
        ({"global": Identity()}, XY, 60),
        ({"global": TURN}, np.column_stack([900 - 2 * XY[:, 1], 30 + 2 * XY[:, 0]]), 120),
        ({"P1_downscaled_hires": Scale([0.1, 0.1], ("x", "y")), "P1": Identity()}, XY, 60),
    ],
)
def test_circles_lie_where_their_transformation_puts_them(
    tmp_path: Path, transformations, expected, diameter
):
    circles = ShapesModel.parse(XY, geometry=0, radius=30, transformations=transformations)
    store(circles).write(tmp_path / "P1.zarr")
    assert is_spot_source(tmp_path / "P1.zarr")
    spots = read_spots(tmp_path / "P1.zarr")
    assert list(spots.obs_names) == list("dcba")
    np.testing.assert_allclose(positions(spots), expected[::-1])
    assert spot_diameter(spots) == pytest.approx(diameter)
    np.testing.assert_array_equal(spots["a"].to_df(), [[6, 7]])


def test_polygons_count_at_their_centroids(tmp_path: Path):
    from geopandas import GeoDataFrame

    corners = np.array([[-10.0, -10], [10, -10], [10, 10], [-10, 10]])
    squares = ShapesModel.parse(GeoDataFrame(geometry=[Polygon(xy + corners) for xy in XY]))
    store(squares).write(tmp_path / "cells.zarr")
    spots = read_spots(tmp_path / "cells.zarr")
    np.testing.assert_allclose(positions(spots), XY[::-1])
    assert spot_diameter(spots) == pytest.approx(2 * 20 / np.sqrt(np.pi))


def test_what_this_package_writes_is_read_back(tmp_path: Path, prediction: AnnData):
    write_prediction(prediction, tmp_path / "C5.zarr")
    spots = read_spots(tmp_path / "C5.zarr")
    np.testing.assert_allclose(positions(spots), positions(prediction))
    np.testing.assert_array_equal(spots.to_df(), prediction.to_df())
    assert spot_diameter(spots) == pytest.approx(60)


def test_stores_without_one_annotating_table_are_refused(tmp_path: Path):
    circles = ShapesModel.parse(XY, geometry=0, radius=30)
    SpatialData(shapes={"spots": circles}).write(tmp_path / "none.zarr")
    with pytest.raises(SpotsError, match=r"one table that .*found: none.*none\.zarr'"):
        read_spots(tmp_path / "none.zarr")
    store(circles).write(tmp_path / "torn.zarr")
    for path in (tmp_path / "torn.zarr" / "shapes").rglob("*.parquet"):
        path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(SpotsError, match=r"torn\.zarr"):
        read_spots(tmp_path / "torn.zarr")
