"""Wide tables of predictions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from anndata import AnnData

from napari_stem.exports.registry import write_prediction
from napari_stem.io import read_spots
from napari_stem.prediction.trust import warnings_of
from napari_stem.spots.table import positions


def test_a_prediction_is_one_row_a_spot(tmp_path: Path, prediction: AnnData):
    path = tmp_path / "C5.csv"
    write_prediction(prediction, path)
    table = pd.read_csv(path, index_col="id")
    genes = list(prediction.var_names)
    told = ["warning"] if warnings_of(prediction) else []
    made = ["slide", "checkpoint", "n_draws"]
    columns = ["x", "y", "ood", "leiden", *genes, *(f"{g} SD" for g in genes), *made, *told]
    assert list(table.columns) == columns
    np.testing.assert_allclose(table[["x", "y"]], positions(prediction))
    np.testing.assert_allclose(table[genes], prediction.X, rtol=1e-6)
    np.testing.assert_allclose(table["GNAS SD"], prediction.layers["std"][:, 1], rtol=1e-6)
    assert list(table.index) == list(prediction.obs_names)


def test_a_written_prediction_is_read_as_its_spots(tmp_path: Path, prediction: AnnData):
    path = tmp_path / "C5.csv"
    write_prediction(prediction, path)
    spots = read_spots(path)
    assert list(spots.obs_names) == list(prediction.obs_names)
    np.testing.assert_allclose(positions(spots), positions(prediction))


def test_parquet_holds_the_same_table(tmp_path: Path, prediction: AnnData):
    for name in ("C5.csv", "C5.parquet"):
        write_prediction(prediction, tmp_path / name)
    table = pd.read_parquet(tmp_path / "C5.parquet")
    expected = pd.read_csv(tmp_path / "C5.csv", index_col="id", dtype={"leiden": str})
    assert list(table.columns) == list(expected.columns)
    np.testing.assert_allclose(table[prediction.var_names], expected[prediction.var_names])
