"""Bounded reading of files: a damaged or hostile file must not fill the memory.

A compressed file may declare a size far beyond its content. Counts compress 5 to 50 times; a
larger ratio than `_RATIO` is refused before memory is allocated, unless the size is small.
"""

from __future__ import annotations

import gzip
import io
import json
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import pandas as pd

from napari_stem.errors import SpotsError
from napari_stem.text import one_line

_RATIO = 200
_SMALL = 1 << 28  # bytes that any file may unpack to
_CHUNK = 1 << 20
_GZIP = b"\x1f\x8b"
_MOST_JSON = 1 << 20  # bytes of scale factors and the like


def check_size(claimed: int, stored: int, what: str) -> None:
    """Raise a `SpotsError` if `stored` bytes declare far more content than counts can have."""
    if claimed > max(_SMALL, _RATIO * stored):
        raise SpotsError(
            f"{what} declares {claimed / 1e6:,.0f} MB but stores only {stored / 1e6:,.1f} "
            "MB. The file is probably damaged; get it again from its source."
        )


@contextmanager
def opened_text(path: Path) -> Iterator[io.TextIOBase]:
    """A text file, decompressed if its content is gzip, under any name.

    Raises
    ------
    SpotsError
        It unpacks to far more than counts would.
    OSError, EOFError, zlib.error
        It cannot be read.
    """
    with path.open("rb") as raw:
        packed = raw.read(2) == _GZIP
    if not packed:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield file
        return
    with gzip.GzipFile(path) as unpacked, io.BufferedReader(_Unpacked(unpacked, path)) as whole:
        yield io.TextIOWrapper(whole, encoding="utf-8-sig", newline="")


class _Unpacked(io.RawIOBase):
    """What a gzip file holds, up to the bound."""

    def __init__(self, file: gzip.GzipFile, path: Path) -> None:
        super().__init__()
        self._file, self._path = file, path
        self._stored, self._read = path.stat().st_size, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        content = self._file.read(min(len(buffer), _CHUNK))
        self._read += len(content)
        check_size(self._read, self._stored, f"'{self._path}'")
        buffer[: len(content)] = content
        return len(content)


def check_fields(table: pd.DataFrame, path: Path) -> None:
    """Raise a `SpotsError` if lines have more fields than the header, which pandas would shift."""
    if not isinstance(table.index, pd.RangeIndex):
        raise SpotsError(f"Some lines have more fields than the header has names. File: '{path}'.")


def read_json(path: Path) -> dict[str, Any]:
    """The object of a small JSON file, packed by gzip or not.

    Raises
    ------
    SpotsError
        The file is missing, large, or no JSON object.
    """
    try:
        with opened_text(path) as file:
            text = file.read(_MOST_JSON + 1)
        if len(text) > _MOST_JSON:
            raise SpotsError(
                f"This JSON file is larger than {_MOST_JSON >> 20} MB, too large for its "
                f"purpose. File: '{path}'."
            )
        content = json.loads(text, parse_int=float)
    except SpotsError:
        raise
    except (OSError, EOFError, ValueError, RecursionError, zlib.error) as error:
        raise SpotsError(
            f"The file could not be read as JSON: {one_line(error)}. File: '{path}'."
        ) from error
    if not isinstance(content, dict):
        raise SpotsError(f"The file is not a JSON object. File: '{path}'.")
    return content


def check_hdf5(file: h5py.File, path: Path) -> None:
    """Raise a `SpotsError` if a data set of the file declares far more than it stores.

    Raises
    ------
    OSError, RuntimeError, ValueError, LookupError
        The file is damaged.
    """

    def check(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset) and item.shape is not None:
            claimed = item.size * max(1, item.dtype.itemsize)
            check_size(claimed, item.id.get_storage_size(), f"{name} in '{path}'")

    file.visititems(check)


UNREADABLE = (OSError, EOFError, ValueError, LookupError, TypeError, RuntimeError, zlib.error)
"""What the libraries raise for damaged files; h5py and pyarrow choose freely among them."""


def read_spot_table(path: Path, **how: Any) -> pd.DataFrame:
    """A table of spots in a text file, perhaps packed; `how` goes to pandas.

    Raises
    ------
    SpotsError
        It cannot be read.
    """
    try:
        with opened_text(path) as file:
            table: pd.DataFrame = pd.read_csv(file, **how)
    except SpotsError:
        raise
    except UNREADABLE as error:
        raise SpotsError(
            f"The file could not be read as a table of spots: {one_line(error)}. File: '{path}'."
        ) from error
    return table
