"""Every export says of which slide, which checkpoint and how many draws it is."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
import tifffile
from anndata import AnnData

from napari_stem.api.results import read_prediction
from napari_stem.exports.picture import titled_maps
from napari_stem.exports.registry import write_prediction
from napari_stem.spots.provenance import origin

LINE = "C5 · breast · 4 draws"


@pytest.fixture
def named(prediction: AnnData) -> AnnData:
    made = {"slide": "C5", "checkpoint": "0" * 64, "checkpoint_path": "/runs/breast.stem"}
    prediction.uns["napari_stem"] |= made | {"unit": "log2(count + 1)", "n_draws": 4}
    return prediction


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_each_row_of_a_table_says_so(named: AnnData, tmp_path: Path, suffix: str):
    path = tmp_path / f"C5{suffix}"
    write_prediction(named, path)
    table = pd.read_csv(path) if suffix == ".csv" else pd.read_parquet(path)
    made = table[["slide", "checkpoint", "n_draws"]].drop_duplicates()
    assert made.to_numpy().tolist() == [["C5", "breast", 4]]


def test_heatmaps_and_pages_say_so(named: AnnData, tmp_path: Path):
    for suffix in (".ome.tif", ".geojson", ".html"):
        write_prediction(named, tmp_path / f"C5{suffix}")
    with tifffile.TiffFile(tmp_path / "C5.ome.tif") as file:
        assert f"{LINE}." in (file.ome_metadata or "")
    assert json.loads((tmp_path / "C5.geojson").read_text())["name"] == LINE
    page = (tmp_path / "C5.html").read_text(encoding="utf-8")
    assert "<h1>C5</h1>" in page
    assert "with 4 draws per spot of breast, in log2(count + 1)" in page


def test_a_figure_bears_it_as_its_title(named: AnnData):
    figure = titled_maps(named, ["FASN"])
    assert figure.get_suptitle() == LINE


def test_what_opens_again_still_says_so(named: AnnData, tmp_path: Path):
    path = tmp_path / "C5.h5ad"
    write_prediction(named, path)
    assert str(origin(read_prediction(path))) == LINE


def test_a_checkpoint_without_a_path_is_called_by_its_digest(named: AnnData):
    del named.uns["napari_stem"]["checkpoint_path"]
    assert origin(named).checkpoint == "checkpoint 00000000"


def test_what_a_record_does_not_say_is_left_out(prediction: AnnData):
    assert str(origin(prediction)) == ""
    prediction.uns["napari_stem"]["n_draws"] = 1
    assert str(origin(prediction)) == "1 draw"
