"""Folders of legacy arrays become spot tables, or an error that names file, spot and gene."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from napari_stem.errors import CountsError, SpotsError, SpotsNotFound
from napari_stem.io import read_spots
from napari_stem.io.legacy_st import is_legacy_st
from napari_stem.spots.table import check_counts, library, positions, spot_diameter

PITCH = 280.0
GENES = ["FASN", "GNAS", "ACTB"]


def write(folder: Path, spots: pd.DataFrame, counts: pd.DataFrame) -> Path:
    folder.mkdir(exist_ok=True)
    spots.to_csv(folder / "spots.tsv", sep="\t", index=False)
    counts.to_csv(folder / "counts.tsv.gz", sep="\t")
    return folder


@pytest.fixture
def spots() -> pd.DataFrame:
    """Nine places of an array; the last is outside of the tissue."""
    x, y = (axis.ravel() for axis in np.meshgrid([10, 11, 12], [4, 5, 6]))
    return pd.DataFrame(
        {"x": x, "y": y, "pixel_x": PITCH * x - 2000, "pixel_y": PITCH * y, "selected": 1}
    ).assign(selected=[1] * 8 + [0])


@pytest.fixture
def counts(spots: pd.DataFrame) -> pd.DataFrame:
    names = spots["x"].astype(str) + "x" + spots["y"].astype(str)
    values = np.arange(27).reshape(9, 3) % 5
    return pd.DataFrame(values, index=list(names), columns=GENES)


def test_selected_spots_that_were_counted_are_read(
    tmp_path: Path, spots: pd.DataFrame, counts: pd.DataFrame
):
    shuffled = counts.drop("11x5").sample(frac=1, random_state=0)
    shuffled.loc["30x30"] = [1, 2, 3]
    table = read_spots(write(tmp_path / "A1", spots, shuffled))
    expected = ["10x4", "11x4", "12x4", "10x5", "12x5", "10x6", "11x6"]
    assert list(table.obs_names) == expected
    assert list(table.var_names) == GENES
    np.testing.assert_array_equal(table.to_df(), counts.loc[expected])
    np.testing.assert_array_equal(positions(table)[0], [800, 1120])
    assert spot_diameter(table) == pytest.approx(PITCH / 2)
    assert library(table) == "A1"
    assert list(table.uns["not_counted"]) == ["11x5"]
    assert list(table.uns["not_placed"]) == ["30x30"]


def test_whole_coordinates_written_as_decimals_are_the_same_spots(
    tmp_path: Path, spots: pd.DataFrame, counts: pd.DataFrame
):
    plain = read_spots(write(tmp_path / "plain", spots, counts))
    decimals = spots.astype(float).drop(columns="selected").iloc[:8]
    written = read_spots(write(tmp_path / "decimals", decimals, counts))
    assert list(written.obs_names) == list(plain.obs_names)


def test_the_published_names_are_understood(
    tmp_path: Path, spots: pd.DataFrame, counts: pd.DataFrame
):
    write(tmp_path, spots, counts)
    (tmp_path / "spots.tsv").rename(tmp_path / "A1_selection.tsv")
    (tmp_path / "counts.tsv.gz").rename(tmp_path / "A1.tsv.gz")
    assert is_legacy_st(tmp_path)
    assert read_spots(tmp_path).n_obs == 8


def test_a_table_read_from_an_array_survives_being_written(
    tmp_path: Path, spots: pd.DataFrame, counts: pd.DataFrame
):
    table = read_spots(write(tmp_path / "A1", spots, counts))
    table.write_h5ad(tmp_path / "spots.h5ad")
    again = read_spots(tmp_path / "spots.h5ad")
    assert list(again.uns["not_counted"]) == []
    np.testing.assert_array_equal(again.to_df(), table.to_df())


def put(frame: pd.DataFrame, row: str, column: str, value: object) -> pd.DataFrame:
    changed = frame.astype(object)
    changed.loc[row, column] = value
    return changed


BAD_COUNTS: dict[str, tuple[Callable[[pd.DataFrame], pd.DataFrame], str]] = {
    "negative": (lambda c: put(c, "11x4", "GNAS", -2), "gene GNAS in spot 11x4 is -2"),
    "not a number": (lambda c: put(c, "11x4", "GNAS", None), "gene GNAS in spot 11x4 is nan"),
    "text": (lambda c: put(c, "11x4", "GNAS", "many"), "counts of gene GNAS are not numbers"),
    "spot twice": (lambda c: pd.concat([c, c.iloc[:1]]), "Spots occur more than once: 10x4"),
    "other section": (
        lambda c: c.set_index("9" + c.index),
        "9 of the 9 spots with counts are not in .* 910x4",
    ),
    "transposed": (lambda c: c.T, "3 of the 3 spots with counts are not in .* ACTB"),
}


@pytest.mark.parametrize(("spoil", "message"), BAD_COUNTS.values(), ids=BAD_COUNTS)
def test_bad_counts_are_refused(
    tmp_path: Path, spots: pd.DataFrame, counts: pd.DataFrame, spoil, message: str
):
    folder = write(tmp_path / "A1", spots, spoil(counts))
    with pytest.raises(CountsError, match=rf"{message}.*counts\.tsv\.gz'"):
        read_spots(folder)


BAD_SPOTS: dict[str, tuple[Callable[[pd.DataFrame], pd.DataFrame], str]] = {
    "no pixels": (lambda s: s.drop(columns="pixel_x"), "columns pixel_x are missing"),
    "text": (lambda s: s.astype(object).replace({"x": {12: "?"}}), "must be numbers in line 4"),
    "empty place": (lambda s: s.where(s["selected"] == 1), "must be numbers in line 10"),
    "twice": (lambda s: pd.concat([s, s.iloc[2:4]]), "more than once: 12x4, 10x5"),
}


@pytest.mark.parametrize(("spoil", "message"), BAD_SPOTS.values(), ids=BAD_SPOTS)
def test_bad_spots_are_refused(
    tmp_path: Path, spots: pd.DataFrame, counts: pd.DataFrame, spoil, message: str
):
    folder = write(tmp_path / "A1", spoil(spots), counts)
    with pytest.raises(SpotsError, match=rf"{message}.*spots\.tsv'"):
        read_spots(folder)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.95])
def test_truncated_counts_are_refused(
    tmp_path: Path, spots: pd.DataFrame, counts: pd.DataFrame, share: float
):
    folder = write(tmp_path / "A1", spots, counts)
    file = folder / "counts.tsv.gz"
    content = file.read_bytes()
    file.write_bytes(content[: int(share * len(content))])
    with pytest.raises(CountsError, match=r"counts\.tsv\.gz"):
        read_spots(folder)


def test_damaged_counts_are_refused(tmp_path: Path, spots: pd.DataFrame, counts: pd.DataFrame):
    folder = write(tmp_path / "A1", spots, counts)
    file = folder / "counts.tsv.gz"
    content = gzip.compress(counts.to_csv(sep="\t").encode())
    for place in range(10, len(content) - 8, 7):
        damaged = bytearray(content)
        damaged[place] ^= 0xFF
        file.write_bytes(damaged)
        with pytest.raises(CountsError):
            read_spots(folder)


def test_an_ordinary_folder_is_no_legacy_array(tmp_path: Path):
    assert not is_legacy_st(tmp_path)
    with pytest.raises(SpotsNotFound, match="is not a spot table"):
        read_spots(tmp_path)


def test_real_sections_hold_what_their_readme_says(data_dir: Path):
    for name in ("C2", "C3", "C4", "C5"):
        folder = data_dir / "her2st" / name
        about = json.loads((folder / "meta.json").read_text())
        table = read_spots(folder)
        assert table.shape == (about["spots_in_counts"], about["genes"])
        assert sorted(table.uns["not_counted"]) == sorted(about["spots_without_counts"])
        assert spot_diameter(table) == pytest.approx(about["spot_diameter_px"], rel=2e-3)
        assert np.median(np.asarray(table.X.sum(axis=1))) == about["median_umi"]
        check_counts(table)


def test_the_original_file_names_of_a_real_section_work(data_dir: Path, tmp_path: Path):
    folder = data_dir / "her2st" / "C2"
    shutil.copyfile(folder / "spots.tsv", tmp_path / "C2_selection.tsv")
    shutil.copyfile(folder / "counts.tsv.gz", tmp_path / "C2.tsv.gz")
    assert read_spots(tmp_path).shape == (187, 15706)
