"""Stores that spatialdata writes become spot tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from anndata import AnnData
from shapely import Polygon
from spatialdata import SpatialData
from spatialdata.models import Image2DModel, ShapesModel, TableModel
from spatialdata.transformations import Affine, Identity, Scale

from napari_stem.errors import OptionError, SpotsError
from napari_stem.exports.registry import write_prediction
from napari_stem.io import is_spot_source, read_spots
from napari_stem.spots.source import source_of
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


@pytest.mark.parametrize("to_global", [Identity(), Scale([0.5, 0.5], ("x", "y")), TURN])
def test_places_are_pixels_of_the_store_s_image(tmp_path: Path, to_global):
    """In micrometres, and turned: the image's own transformation leads back to its pixels."""
    pixels = np.full((3, 400, 500), 200, np.uint8)
    image = Image2DModel.parse(
        pixels, dims=("c", "y", "x"), transformations={"global": to_global}, c_coords=list("rgb")
    )
    matrix = to_global.to_affine_matrix(("x", "y"), ("x", "y"))
    places = (np.column_stack([XY, np.ones(4)]) @ matrix.T)[:, :2]
    circles = ShapesModel.parse(places, geometry=0, radius=30)
    data = store(circles)
    data.images["P1_full_image"] = image
    data.images["P1_hires_image"] = Image2DModel.parse(pixels, dims=("c", "y", "x"))
    data.write(tmp_path / "P1.zarr")
    spots = read_spots(tmp_path / "P1.zarr")
    np.testing.assert_allclose(positions(spots), XY[::-1], atol=1e-9)
    stretch = np.sqrt(abs(np.linalg.det(matrix[:2, :2])))
    assert spot_diameter(spots) == pytest.approx(60 / stretch)
    source = source_of(spots)
    assert source.image_size == (500, 400)
    assert source.image == tmp_path / "P1.zarr" / "images" / "P1_full_image"


def test_bins_of_several_tables_are_chosen_by_size(tmp_path: Path):
    data = SpatialData()
    for size in (8, 16):
        name, shapes = f"square_{size:03}um", f"P1_square_{size:03}um"
        table = AnnData(np.ones((4, 1), np.float32))
        table.obs["region"], table.obs["instance"] = shapes, range(4)
        table.obs["region"] = table.obs["region"].astype("category")
        data.shapes[shapes] = ShapesModel.parse(size * XY, geometry=0, radius=size)
        data.tables[name] = TableModel.parse(
            table, region=shapes, region_key="region", instance_key="instance"
        )
    data.write(tmp_path / "HD.zarr")
    for asked, size in ((None, 16), (8, 8), (16, 16)):
        spots = read_spots(tmp_path / "HD.zarr", bin_um=asked)
        np.testing.assert_allclose(positions(spots), size * XY)
        assert (source_of(spots).pitch_um, source_of(spots).bins) == (size, (8, 16))
    with pytest.raises(OptionError, match="no bins of 4 µm; available: 8, 16"):
        read_spots(tmp_path / "HD.zarr", bin_um=4)


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
