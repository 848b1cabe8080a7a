"""Predictions of many spots are written in parts, between which writing can be stopped."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scanpy as sc
from anndata import AnnData

from napari_stem.exports.registry import find_exporter, write_prediction

N = 9000  # spots, three blocks


class Enough(Exception):
    pass


@pytest.fixture
def large(prediction: AnnData) -> AnnData:
    """The six spots again and again, with values of their own."""
    table = prediction[np.arange(N) % prediction.n_obs].copy()
    table.obs_names = [f"spot {number}" for number in range(N)]
    table.obs["leiden"] = pd.Categorical(np.where(np.arange(N) < 5000, "1", "2"))
    random = np.random.default_rng(0)
    table.obsm["spatial"] = np.stack(np.divmod(np.arange(N), 100), axis=1) * 70.0
    table.X = random.random(table.shape, np.float32)
    for layer in table.layers:
        table.layers[layer] = random.random(table.shape, np.float32)
    return table


def test_an_anndata_file_is_that_of_anndata(large: AnnData, tmp_path: Path):
    large.obsm["none"] = np.empty((N, 0), np.float32)
    write_prediction(large, tmp_path / "ours.h5ad")
    large.write_h5ad(tmp_path / "theirs.h5ad")
    ours, theirs = (sc.read_h5ad(tmp_path / name) for name in ("ours.h5ad", "theirs.h5ad"))
    pd.testing.assert_frame_equal(ours.obs, theirs.obs)
    np.testing.assert_array_equal(ours.obsm["spatial"], theirs.obsm["spatial"])
    assert type(ours.X) is type(theirs.X)
    assert ours.obsm["none"].shape == (N, 0)
    for layer in (None, *large.layers):
        np.testing.assert_array_equal(ours.to_df(layer), theirs.to_df(layer))


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_table_holds_every_spot_once(large: AnnData, tmp_path: Path, suffix: str):
    path = tmp_path / f"large{suffix}"
    write_prediction(large, path)
    found = (
        pd.read_parquet(path)
        if suffix == ".parquet"
        else pd.read_csv(path, index_col="id", dtype={"leiden": "category"})
    )
    pd.testing.assert_index_equal(found.index, large.obs_names, check_names=False)
    np.testing.assert_allclose(found[["x", "y"]], large.obsm["spatial"])
    np.testing.assert_allclose(found[large.var_names], large.X, rtol=1e-6)
    np.testing.assert_allclose(found[large.var_names + " SD"], large.layers["std"], rtol=1e-6)
    pd.testing.assert_series_equal(
        found["leiden"], large.obs["leiden"], check_names=False, check_index=False
    )


def test_geojson_holds_every_spot_once(large: AnnData, tmp_path: Path):
    path = tmp_path / "large.geojson"
    write_prediction(large, path)
    tiles = json.loads(path.read_text())["features"]
    assert [tile["properties"]["name"] for tile in tiles] == list(large.obs_names)
    measured = pd.DataFrame([tile["properties"]["measurements"] for tile in tiles])
    np.testing.assert_allclose(measured[large.var_names], large.X, atol=1e-4)
    np.testing.assert_allclose(measured["OOD"], large.obs["ood"])
    centres = [np.mean(tile["geometry"]["coordinates"][0][:-1], axis=0) for tile in tiles]
    np.testing.assert_allclose(centres, large.obsm["spatial"], atol=0.01)


def test_clusters_that_are_text_and_begin_late_are_written(large: AnnData, tmp_path: Path):
    large.obs["leiden"] = np.where(np.arange(N) < 5000, None, "2")
    write_prediction(large, tmp_path / "large.parquet")
    found = pd.read_parquet(tmp_path / "large.parquet")["leiden"]
    assert found.isna().sum() == 5000
    assert set(found.dropna()) == {"2"}


def test_no_spots_are_a_table_with_a_header(prediction: AnnData, tmp_path: Path):
    empty = prediction[:0].copy()
    for name in ("none.csv", "none.parquet"):
        write_prediction(empty, tmp_path / name)
    found = pd.read_csv(tmp_path / "none.csv"), pd.read_parquet(tmp_path / "none.parquet")
    assert [len(table) for table in found] == [0, 0]
    assert [*found[0].columns[1:]] == [*found[1].columns]


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".geojson", ".h5ad", ".ome.tif"])
@pytest.mark.parametrize("calls", [1, 2])
def test_writing_stops_between_parts_and_what_stood_there_stays(
    large: AnnData, tmp_path: Path, suffix: str, calls: int
):
    path = tmp_path / f"large{suffix}"
    path.write_text("before")
    left = [None] * calls

    def check() -> None:
        if not left:
            raise Enough
        left.pop()

    with pytest.raises(Enough):
        find_exporter(path).write(large, path, (), check)
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]
