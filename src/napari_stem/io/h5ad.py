"""Spot tables and predictions as AnnData files."""

from __future__ import annotations

import warnings
from pathlib import Path

import anndata
import h5py
from anndata import AnnData

from napari_stem.errors import SpotsError
from napari_stem.io.bounded import check_hdf5
from napari_stem.io.naming import named
from napari_stem.io.tables import tidied
from napari_stem.spots.provenance import check_record
from napari_stem.text import one_line


def read_h5ad(path: Path, *, library: str = "", layer: str = "") -> AnnData:
    """A spot table or a prediction.

    Parameters
    ----------
    library
        Which of several slides; needed where the table has rows of several.
    layer
        Layer that holds the raw counts; "" looks for them in X, layers["counts"] and .raw.

    Raises
    ------
    SpotsError
        The file is damaged, or its rows have no coordinates on one slide.
    CountsError
        There is no such layer.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", anndata.OldFormatWarning)  # old files are welcome
            warnings.filterwarnings("ignore", "(Observation|Variable) names are not unique")
            with h5py.File(path) as file:
                check_hdf5(file, path)
            table = anndata.read_h5ad(path)
    except SpotsError:
        raise
    except Exception as error:
        reason = one_line(error)
        raise SpotsError(
            f"The file could not be read as h5ad: {reason}. File: '{path}'."
        ) from error
    with named(path):
        check_record(table)
        return tidied(table, path.stem, library=library, layer=layer)


def is_prediction(path: Path) -> bool:
    """Whether a file holds a prediction of this package; little of it is read."""
    try:
        with h5py.File(path) as file:
            return "uns/napari_stem/recipe" in file
    except OSError:
        return False
