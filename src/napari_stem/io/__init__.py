"""Files of spots and predictions: one module a format, and the choice among them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_stem.errors import OptionError, SpotsNotFound
from napari_stem.io.csv import read_csv, write_csv, write_parquet
from napari_stem.io.geojson import read_geojson, write_geojson
from napari_stem.io.h5ad import read_h5ad, write_h5ad
from napari_stem.io.legacy_st import is_legacy_st, read_legacy_st
from napari_stem.io.ometiff import write_ometiff
from napari_stem.io.selection import select
from napari_stem.io.spatialdata import write_spatialdata

if TYPE_CHECKING:
    from anndata import AnnData

_READERS = {".h5ad": read_h5ad, ".csv": read_csv, ".tsv": read_csv, ".geojson": read_geojson}
_WRITERS = {
    ".h5ad": write_h5ad,
    ".csv": write_csv,
    ".parquet": write_parquet,
    ".geojson": write_geojson,
    ".ome.tif": write_ometiff,
    ".zarr": write_spatialdata,
}
PREDICTION_SUFFIXES = tuple(_WRITERS)

__all__ = ["PREDICTION_SUFFIXES", "is_spot_source", "read_spots", "select", "write_prediction"]


def is_spot_source(path: Path) -> bool:
    """Whether `read_spots` knows the format of what lies there."""
    return path.suffix.lower() in _READERS or is_legacy_st(path)


def read_spots(path: str | Path) -> AnnData:
    """Read a spot table: .h5ad, .csv, .tsv or .geojson of places, or a legacy ST folder.

    Raises
    ------
    SpotsNotFound
        Nothing is there, or its format is unknown.
    SpotsError, CountsError
        The content cannot be used; the message names file and field.
    """
    path = Path(path)
    if not path.exists():
        raise SpotsNotFound(f"There are no spots at '{path}'. Check the path.")
    if is_legacy_st(path):
        return read_legacy_st(path)
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise SpotsNotFound(
            f"'{path}' is no spot table: {', '.join(_READERS)} or a legacy ST folder is needed."
        )
    return reader(path)


def write_prediction(prediction: AnnData, path: str | Path) -> None:
    """Write a prediction in the format of the suffix.

    .h5ad holds all of it, .csv and .parquet a table, .geojson tiles for QuPath, .ome.tif
    heatmaps, .zarr SpatialData; `select` makes a part of it.

    Raises
    ------
    OptionError
        The suffix is none of these, or its format needs a package that is not installed.
    StorageError
        The file cannot be written; what stood there stays.
    """
    path = Path(path)
    for suffix, write in _WRITERS.items():
        if path.name.lower().endswith(suffix):
            return write(prediction, path)
    raise OptionError(f"'{path}': choose one of the suffixes {', '.join(_WRITERS)}.")
