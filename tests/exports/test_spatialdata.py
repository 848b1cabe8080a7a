"""SpatialData keeps spots, table and thumbnail in level-0 pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import zarr
from anndata import AnnData

from napari_stem.errors import StorageError
from napari_stem.exports.registry import write_prediction
from napari_stem.io import read_spots
from napari_stem.io.spatialdata import is_predicted_spatialdata, read_predicted_spatialdata
from napari_stem.spots.source import Source, source_of, with_source
from napari_stem.spots.table import positions, spot_diameter


@pytest.mark.filterwarnings("ignore")  # its dependencies' own to mend
def test_it_is_read_back(tmp_path: Path, prediction: AnnData):
    import spatialdata  # seconds

    entry = prediction.uns["spatial"]["C5"]
    entry["images"] = {"hires": np.full((50, 60, 3), 9, np.uint8)}
    entry["scalefactors"]["tissue_hires_scalef"] = 0.05
    path = tmp_path / "C5.zarr"
    for _ in range(2):  # the second replaces the first
        write_prediction(prediction, path)
    data = spatialdata.read_zarr(path)
    np.testing.assert_array_equal(data["table"].X, prediction.X)
    circles = data["spots"]
    np.testing.assert_allclose(
        np.column_stack([circles.geometry.x, circles.geometry.y]), positions(prediction)
    )
    assert (circles["radius"] == 30).all()
    assert data["thumbnail"].shape == (3, 50, 60)
    extent = spatialdata.get_extent(data["thumbnail"])
    assert extent["x"] == pytest.approx((0, 1200))


@pytest.mark.filterwarnings("ignore")  # as above
def test_a_prediction_comes_back_as_it_was(tmp_path: Path, prediction: AnnData):
    entry = prediction.uns["spatial"]["C5"]
    picture = np.random.default_rng(0).integers(0, 255, (50, 60, 3)).astype(np.uint8)
    entry["images"] = {"hires": picture}
    entry["scalefactors"]["tissue_hires_scalef"] = 0.05
    with_source(prediction, Source("Visium HD", pitch_um=16, bins=(8, 16), folder=tmp_path))
    path = tmp_path / "C5.zarr"
    assert not is_predicted_spatialdata(path)
    write_prediction(prediction, path)
    assert is_predicted_spatialdata(path)
    found = read_predicted_spatialdata(path)
    np.testing.assert_array_equal(found.X, prediction.X)
    np.testing.assert_array_equal(found.layers["std"], prediction.layers["std"])
    np.testing.assert_array_equal(positions(found), positions(prediction))
    assert list(found.obs_names) == list(prediction.obs_names)
    assert list(found.obs) == list(prediction.obs)
    assert set(found.uns) == set(prediction.uns)
    assert spot_diameter(found) == spot_diameter(prediction)
    assert source_of(found) == source_of(prediction)
    spots = read_spots(path)
    assert list(spots.var_names) == list(prediction.var_names)
    assert set(spots.uns["napari_stem"]) == set(prediction.uns["napari_stem"])
    np.testing.assert_array_equal(found.uns["spatial"]["C5"]["images"]["hires"], picture)


def test_what_others_wrote_is_not_replaced(tmp_path: Path, prediction: AnnData):
    path = tmp_path / "raw.zarr"
    counts = np.arange(6)
    zarr.create_group(path).create_array("counts", data=counts)
    with pytest.raises(StorageError, match=r"is not a prediction.*another name.*raw\.zarr"):
        write_prediction(prediction, path)
    np.testing.assert_array_equal(zarr.open_array(path / "counts", mode="r")[:], counts)
    assert list(tmp_path.iterdir()) == [path]
