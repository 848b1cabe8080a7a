"""Tables of coordinates in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_stem.errors import SpotsError, SpotsNotFound
from napari_stem.io import read_spots
from napari_stem.spots.table import positions, spot_diameter


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("spots.csv", "id,x,y,diameter\n01,10,20,50\n02,110,20.5,50\n"),
        ("spots.tsv", "id\tx\ty\tdiameter\n01\t10\t20\t50\n02\t110\t20.5\t50\n"),
        ("spots.csv", "ID; X; Y; Diameter\r\n01;10;20;50\r\n02;110;20.5;50\r\n"),
    ],
    ids=["comma", "tab", "semicolon"],
)
def test_tables_are_read_whatever_separates_them(tmp_path: Path, name: str, text: str):
    path = tmp_path / name
    path.write_text(text)
    spots = read_spots(path)
    np.testing.assert_array_equal(positions(spots), [[10, 20], [110, 20.5]])
    assert list(spots.obs_names) == ["01", "02"]
    assert spot_diameter(spots) == 50


def test_a_diameter_that_is_not_stated_follows_from_the_spacing(tmp_path: Path):
    path = tmp_path / "spots.csv"
    path.write_text("x,y\n0,0\n100,0\n200,0\n")
    assert spot_diameter(read_spots(path)) == pytest.approx(55)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "could not be read as a table"),
        ("row,column\n1,2\n", "needs the columns x and y, .* it has row, column"),
        ("x,y\n1,2\n3,\n", "x or y is not a number in line 3"),
        ("x,y\n1,2\nthree,4\n", "x or y is not a number in line 3"),
        ("x,y\n1,2\ninf,4\n", "x or y is not a number in line 3"),
        ("x,y\n", "single spot|at least one"),
        ("x,y\n1,2\n", "diameter of a single spot"),
        ("id,x,y\na,1,2\na,3,4\n", "more than once: a."),
        ("x,y,diameter\n1,2,wide\n3,4,wide\n", "column diameter has no number"),
        ("x,y\n1,2\n1,2\n", "diameter is 0 px"),
        ("nothing\n", "could not be read as a table|needs the columns"),
        ("\0\0\0", "could not be read as a table|needs the columns"),
    ],
)
def test_unusable_tables_are_refused(tmp_path: Path, text: str, message: str):
    path = tmp_path / "spots.csv"
    path.write_text(text)
    with pytest.raises(SpotsError, match=rf"({message}).*spots\.csv'"):
        read_spots(path)


def test_a_table_in_another_encoding_is_refused(tmp_path: Path):
    path = tmp_path / "spots.csv"
    path.write_bytes("x,y,Größe\n1,2,3\n".encode("utf-16"))
    with pytest.raises(SpotsError, match=r"spots\.csv'"):
        read_spots(path)


def test_an_unknown_suffix_is_refused(tmp_path: Path):
    (tmp_path / "C5.xlsx").touch()
    with pytest.raises(SpotsNotFound, match="is not a spot table"):
        read_spots(tmp_path / "C5.xlsx")


def test_decimal_commas_of_spreadsheets(tmp_path: Path):
    path = tmp_path / "spots.csv"
    path.write_text("x;y;diameter\n1200,5;1.300,25;55,5\n1400;1,5e3;55,5\n")
    spots = read_spots(path)
    np.testing.assert_array_equal(positions(spots), [[1200.5, 1300.25], [1400, 1500]])
    assert spot_diameter(spots) == 55.5


@pytest.mark.parametrize(
    "text", ['x,y\n"1,200",5\n"1,400",9\n', "x;y\n1200,5;1.300\n1,5;2\n", "x;y\n1,2;3\n1.400;5\n"]
)
def test_a_comma_or_point_that_may_part_thousands_is_refused(tmp_path: Path, text: str):
    path = tmp_path / "spots.csv"
    path.write_text(text)
    with pytest.raises(SpotsError, match="x or y is not a number in line"):
        read_spots(path)


def test_pixels_are_taken_where_x_and_y_are_places_in_an_array(tmp_path: Path):
    path = tmp_path / "spots.tsv"
    path.write_text("x\ty\tpixel_x\tpixel_y\n1\t2\t310.5\t420\n2\t2\t610\t420\n3\t2\t910\t420\n")
    np.testing.assert_array_equal(
        read_spots(path).obsm["spatial"], [(310.5, 420), (610, 420), (910, 420)]
    )
