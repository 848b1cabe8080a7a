"""Parquet files, which need the package pyarrow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from napari_stem.errors import OptionError, SpotsError
from napari_stem.extras import extra
from napari_stem.io.bounded import UNREADABLE, check_size
from napari_stem.text import one_line

_BYTES_OF_A_VALUE = 8
_ROWS = 1 << 18


def read_parquet(path: Path, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """The whole table, or some columns of it.

    Raises
    ------
    OptionError
        The package pyarrow is not installed.
    SpotsError
        The file is damaged or lacks a column.
    """
    tables = list(iter_parquet(path, columns))
    return pd.concat(tables, ignore_index=True)


def iter_parquet(path: Path, columns: Sequence[str] | None = None) -> Iterator[pd.DataFrame]:
    """The table in parts, of which each fits into memory; at least one part.

    Raises
    ------
    OptionError, SpotsError
        As `read_parquet`.
    """
    with extra("parquet", "Parquet"):
        from pyarrow import ArrowException, parquet
    try:
        with parquet.ParquetFile(path, memory_map=False) as file:
            _check(file, path, columns)
            if not file.metadata.num_rows:
                yield file.read(columns=columns).to_pandas(ignore_metadata=True)
            for batch in file.iter_batches(_ROWS, columns=columns):
                yield batch.to_pandas(ignore_metadata=True)  # it may name other columns
    except (OptionError, SpotsError):
        raise
    except (ArrowException, *UNREADABLE) as error:
        reason = one_line(error)
        raise SpotsError(
            f"The file could not be read as Parquet: {reason}. File: '{path}'."
        ) from error


def _check(file: Any, path: Path, columns: Sequence[str] | None) -> None:
    names = file.schema_arrow.names
    missing = [name for name in columns or () if name not in names]
    if missing:
        raise SpotsError(
            f"The columns {', '.join(missing)} are missing; the table has "
            f"{', '.join(names)}. File: '{path}'."
        )
    wanted = len(names) if columns is None else len(columns)
    claimed = file.metadata.num_rows * wanted * _BYTES_OF_A_VALUE
    check_size(claimed, path.stat().st_size, f"'{path}'")
