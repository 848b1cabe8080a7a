"""Tables as other programs write them become spot tables of one slide, and say what was assumed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from napari_stem.errors import CountsError, OptionError, Remedy, SpotsError
from napari_stem.io import read_spots
from napari_stem.io.tables import tidied
from napari_stem.spots.notes import notes_of
from napari_stem.spots.source import source_of
from napari_stem.spots.table import has_counts, library, positions, spot_diameter, spot_table

N = 20
RAW = np.random.default_rng(0).poisson(4, (N, 3)).astype(np.float32)


def visium() -> AnnData:
    """Spots in Visium's places, with its columns."""
    row, column = (axis.ravel() for axis in np.mgrid[:4, :5])
    column = 2 * column + row % 2
    xy = 50.0 * np.column_stack([column / 2, row * np.sqrt(3) / 2]) + 30
    table = spot_table(xy, diameter_px=27, counts=RAW.copy(), genes=["A", "B", "C"], library="P1")
    table.obs["array_row"], table.obs["array_col"] = row, column
    return table


def again(table: AnnData, folder: Path, **reading: str) -> AnnData:
    table.write_h5ad(folder / "x.h5ad")
    return read_spots(folder / "x.h5ad", **reading)


def test_keys_beside_the_library_are_no_slides(tmp_path: Path):
    table = visium()
    table.uns["spatial"]["is_single"] = np.bool_(True)  # as CELLxGENE writes
    spots = again(table, tmp_path)
    assert (library(spots), spot_diameter(spots)) == ("P1", 27)


def test_of_several_slides_the_one_with_rows_is_meant(tmp_path: Path):
    table = visium()
    table.uns["spatial"]["P2"] = {"scalefactors": {"spot_diameter_fullres": 99.0}}
    table.obs["sample"] = "P1"
    spots = again(table, tmp_path)
    assert (library(spots), spot_diameter(spots), spots.n_obs) == ("P1", 27, N)
    del table.obs["sample"]
    with pytest.raises(SpotsError, match=r"describes 2 slides \(P1, P2\).*Add a column library_id"):
        again(table, tmp_path)


def test_rows_of_several_slides_need_a_choice(tmp_path: Path):
    table = visium()
    table.uns["spatial"]["P2"] = {"scalefactors": {"spot_diameter_fullres": 99.0}}
    table.obs["library_id"] = pd.Categorical(["P1"] * 12 + ["P2"] * 8)
    with pytest.raises(SpotsError, match=r"2 slides \(P1: 12 spots, P2: 8 spots\)") as caught:
        again(table, tmp_path)
    assert caught.value.hint is not None
    assert caught.value.hint.remedy == Remedy.LIBRARY
    spots = again(table, tmp_path, library="P2")
    assert (library(spots), spot_diameter(spots), spots.n_obs) == ("P2", 99, 8)
    np.testing.assert_array_equal(positions(spots), positions(table)[12:])
    with pytest.raises(SpotsError, match="no slide 'P3' in the table; it has P1, P2"):
        again(table, tmp_path, library="P3")


def test_without_a_diameter_the_spacing_suggests_one(tmp_path: Path):
    table = visium()
    del table.uns["spatial"]
    spots = again(table, tmp_path)
    assert spot_diameter(spots) == pytest.approx(0.55 * 50)
    assert library(spots) == "x"
    assert "spot diameter of 27.5 px estimated from the spacing" in notes_of(spots)


def test_visium_s_array_gives_a_pitch(tmp_path: Path):
    assert source_of(again(visium(), tmp_path)).pitch_um == 100
    table = visium()
    table.obs["array_col"] = table.obs["array_col"] // 2  # a square array
    assert source_of(again(table, tmp_path)).pitch_um is None


def with_layer(table: AnnData) -> AnnData:
    table.layers["counts"] = table.X.copy()
    table.X = np.log1p(table.X) / 3
    return table


def with_raw(table: AnnData) -> AnnData:
    table.raw = table
    table = table[:, :2].copy()
    table.X = np.log1p(table.X) / 3
    return table


def without_x(table: AnnData) -> AnnData:
    table.layers["counts"] = table.X.copy()
    table.X = None
    return table


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (with_layer, "counts are those of layers['counts']; X has no raw counts"),
        (with_raw, "counts are those of .raw; X has no raw counts"),
        (without_x, "counts are those of layers['counts']; X has no raw counts"),
    ],
)
def test_raw_counts_are_found(tmp_path: Path, change, said: str):
    spots = again(change(visium()), tmp_path)
    np.testing.assert_array_equal(spots.to_df().to_numpy(), RAW)
    assert list(spots.var_names) == ["A", "B", "C"]
    assert said in notes_of(spots)


def test_raw_counts_in_x_are_taken_whatever_layers_there_are(tmp_path: Path):
    table = visium()
    table.layers["counts"] = table.X + 1
    spots = again(table, tmp_path)
    np.testing.assert_array_equal(spots.to_df().to_numpy(), RAW)
    spots = again(table, tmp_path, layer="counts")
    np.testing.assert_array_equal(spots.to_df().to_numpy(), RAW + 1)
    assert "counts are those of layers['counts']" in notes_of(spots)
    with pytest.raises(CountsError, match="no layer 'umi'; the table has counts"):
        again(table, tmp_path, layer="umi")


def test_a_table_without_counts_says_so(tmp_path: Path):
    table = visium()
    table.X = np.log1p(table.X) / 3
    assert any("training needs raw counts" in note for note in notes_of(again(table, tmp_path)))
    table.X = None
    spots = again(table, tmp_path)
    assert not has_counts(spots)
    assert any("X is empty" in note for note in notes_of(spots))


def test_rows_beside_the_tissue_are_left_out(tmp_path: Path):
    table = visium()
    table.obs["in_tissue"] = [0] * 3 + [1] * (N - 3)
    spots = again(table, tmp_path)
    assert list(spots.obs_names) == list(table.obs_names[3:])
    assert "3 spots with in_tissue 0 are left out" in notes_of(spots)
    table.obs["in_tissue"] = 0
    assert again(table, tmp_path).n_obs == N


def test_nullable_texts_become_plain(tmp_path: Path):
    table = visium()
    table.obs_names = table.obs_names.astype("string")
    table.obs["region"] = pd.array(["a", None] * (N // 2), dtype="string")

    spots = tidied(table, "x")
    assert spots.obs_names.dtype == object
    assert spots.obs["region"].dtype == object
    spots.write_h5ad(tmp_path / "x.h5ad")
    assert list(read_spots(tmp_path / "x.h5ad").obs_names) == list(visium().obs_names)


def test_names_that_come_twice_are_numbered(tmp_path: Path):
    table = visium()
    table.obs_names = ["ACGT-1"] * 2 + list(table.obs_names[2:])
    table.write_h5ad(tmp_path / "x.h5ad")
    spots = read_spots(tmp_path / "x.h5ad")
    assert list(spots.obs_names[:2]) == ["ACGT-1", "ACGT-1-1"]
    assert any("ACGT-1" in note for note in notes_of(spots))


def test_other_formats_have_neither_slides_nor_layers(tmp_path: Path):
    (tmp_path / "a.csv").write_text("x,y\n1,2\n3,4\n")
    with pytest.raises(OptionError, match=r"Only \.h5ad files have several slides"):
        read_spots(tmp_path / "a.csv", library="P1")
    with pytest.raises(OptionError, match=r"Only \.h5ad files have layers"):
        read_spots(tmp_path / "a.csv", layer="counts")
