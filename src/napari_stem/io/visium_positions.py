"""Visium's tables of positions: where each barcode of the array lies on the image."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from napari_stem.errors import SpotsError
from napari_stem.io.bounded import read_spot_table
from napari_stem.io.parquet import read_parquet
from napari_stem.text import repeated

_COLUMNS = [
    "barcode", "in_tissue", "array_row", "array_col", "pxl_row_in_fullres", "pxl_col_in_fullres",
]  # fmt: skip
_FARTHEST = 1e9  # pixels; no place of a slide


def read_positions(path: Path) -> pd.DataFrame:
    """Every spot of the array by its barcode."""
    table = read_parquet(path) if path.suffix == ".parquet" else _read_csv(path)
    missing = [name for name in _COLUMNS if name not in table]
    if missing:
        raise SpotsError(
            f"The columns {', '.join(missing)} are missing; the table has "
            f"{', '.join(map(str, table.columns))}. File: '{path}'."
        )
    numbers: pd.DataFrame = table[_COLUMNS[1:]].apply(pd.to_numeric, errors="coerce")
    lost = ~(abs(numbers.to_numpy(float)) < _FARTHEST).all(axis=1)
    if lost.any():
        raise SpotsError(
            f"{', '.join(_COLUMNS[1:])} must be numbers in spot "
            f"{int(np.flatnonzero(lost)[0]) + 1}. File: '{path}'."
        )
    numbers.index = pd.Index(table["barcode"], dtype=str)
    if not numbers.index.is_unique:
        raise SpotsError(
            f"Barcodes occur more than once: {repeated(numbers.index)}. File: '{path}'."
        )
    numbers["in_tissue"] = numbers["in_tissue"] == 1
    return numbers


def _read_csv(path: Path) -> pd.DataFrame:
    """With a header since version 2."""
    table = read_spot_table(path, header=None, dtype=str)
    if table.iat[0, 0] == _COLUMNS[0]:
        return table.iloc[1:].set_axis(list(table.iloc[0]), axis=1)
    if table.shape[1] != len(_COLUMNS):
        raise SpotsError(
            f"The table has {table.shape[1]} columns; these are needed: {', '.join(_COLUMNS)}. "
            f"File: '{path}'."
        )
    return table.set_axis(_COLUMNS, axis=1)
