"""Spots from a table of coordinates."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from napari_stem.errors import SpotsError
from napari_stem.io.bounded import UNREADABLE, check_fields
from napari_stem.io.naming import named
from napari_stem.slides.mpp import number
from napari_stem.spots.table import spaced_diameter, spot_table
from napari_stem.text import one_line, repeated

if TYPE_CHECKING:
    from anndata import AnnData
    from numpy.typing import NDArray

_LONGEST_HEADER = 1 << 16
_PIXELS = {"pixel_x": "x", "pixel_y": "y"}


def read_csv(path: Path) -> AnnData:
    """Spots of a table with the columns x and y (level-0 pixels), perhaps id and diameter.

    Where it has pixel_x and pixel_y, as legacy Spatial Transcriptomics does, these are taken.

    Raises
    ------
    SpotsError
        The table cannot be read or lacks x or y.
    """
    try:
        head = _read(path, header=None, nrows=1)
        table = _read(path)
    except UNREADABLE as error:
        raise SpotsError(
            f"The file could not be read as a table: {one_line(error)}. File: '{path}'."
        ) from error
    check_fields(table, path)
    names = pd.Index(head.iloc[0].dropna()).astype(str).str.strip().str.lower()
    if not names.is_unique:
        raise SpotsError(f"Columns occur more than once: {repeated(names)}. File: '{path}'.")
    table.columns = table.columns.astype(str).str.strip().str.lower()
    if set(_PIXELS) <= set(table.columns):  # then x and y are places in an array
        table = table.drop(columns=["x", "y"], errors="ignore").rename(columns=_PIXELS)
    if not {"x", "y"} <= set(table.columns):
        raise SpotsError(
            "The table needs the columns x and y, in full-resolution pixels; it has "
            f"{', '.join(table.columns)}. File: '{path}'."
        )
    numeric = [name for name in ("x", "y", "diameter") if name in table]
    table[numeric] = _numbers(table[numeric], _separator(path))
    xy = table[["x", "y"]].to_numpy(float)
    if not np.isfinite(xy).all():
        line = int(np.flatnonzero(~np.isfinite(xy).all(axis=1))[0]) + 2
        raise SpotsError(f"x or y is not a number in line {line}. File: '{path}'.")
    ids = list(table["id"].astype(str)) if "id" in table else None
    with named(path):
        diameter = _diameter(table, xy)
        return spot_table(xy, diameter_px=diameter, ids=ids, library=path.stem)


def _read(path: Path, **how: Any) -> pd.DataFrame:
    table: pd.DataFrame = pd.read_csv(
        path, sep=_separator(path), dtype=str, skipinitialspace=True, encoding="utf-8-sig", **how
    )
    return table


def _separator(path: Path) -> str:
    """The most common usual separator of the header; guessing from all text can take minutes."""
    with path.open(encoding="utf-8-sig") as file:
        header = file.readline(_LONGEST_HEADER)
    found = max(",;\t", key=header.count)
    return found if found in header else r"\s+"


def _numbers(texts: pd.DataFrame, separator: str) -> pd.DataFrame:
    """The numbers in columns of texts; NaN where there is none.

    Spreadsheets that write decimal commas separate by semicolons. A point alone may then part
    thousands, and elsewhere a comma may, so that these are no numbers.
    """
    commas = texts.apply(lambda column: column.str.contains(",", regex=False, na=False))
    if separator != ";" or not commas.to_numpy().any():
        plain: pd.DataFrame = texts.apply(pd.to_numeric, errors="coerce")
        return plain
    points = texts.apply(lambda column: column.str.contains(".", regex=False, na=False))
    return texts.where(commas | ~points, "").map(number)


def _diameter(table: pd.DataFrame, xy: NDArray[np.float64]) -> float:
    if "diameter" not in table:
        return spaced_diameter(xy)
    stated = table["diameter"].dropna()
    if stated.empty:
        raise SpotsError("The column diameter has no number.")
    return float(stated.median())
