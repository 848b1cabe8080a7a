"""AnnData files hold the whole prediction."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scanpy as sc
from anndata import AnnData

from napari_stem.errors import StorageError
from napari_stem.exports.registry import write_prediction
from napari_stem.io import read_spots
from napari_stem.spots.table import library, positions, spot_diameter


def test_a_prediction_survives_the_round_trip(tmp_path: Path, prediction: AnnData):
    path = tmp_path / "C5.h5ad"
    write_prediction(prediction, path)
    again = read_spots(path)
    for name in (None, "std", "q05", "q95"):
        np.testing.assert_array_equal(again.to_df(name), prediction.to_df(name))
    np.testing.assert_array_equal(positions(again), positions(prediction))
    assert (spot_diameter(again), library(again)) == (60, "C5")
    assert list(again.obs["leiden"].cat.categories) == ["1", "2"]
    assert again.uns["napari_stem"]["recipe"] == "{}"
    assert sc.read_h5ad(path).shape == (6, 3)


def test_a_failed_write_keeps_what_stood_there(tmp_path: Path, prediction: AnnData):
    path = tmp_path / "C5.h5ad"
    write_prediction(prediction, path)
    before = path.read_bytes()
    prediction.uns["odd"] = [{"a": 1}]  # anndata writes no lists of dicts
    with pytest.raises(TypeError):
        write_prediction(prediction, path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_cannot_be_written_is_a_storage_error(tmp_path: Path, prediction: AnnData):
    (tmp_path / "file").touch()
    for suffix in (".h5ad", ".csv", ".geojson"):
        with pytest.raises(StorageError, match="could not be written"):
            write_prediction(prediction, tmp_path / "file" / f"C5{suffix}")
