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
from napari_stem.spots.table import positions, spot_diameter
from napari_stem.text import one_line


def read_h5ad(path: Path) -> AnnData:
    """A spot table or a prediction.

    Raises
    ------
    SpotsError
        The file is damaged, or its rows have no coordinates on a slide.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", anndata.OldFormatWarning)  # old files are welcome
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
        positions(table)
        spot_diameter(table)
    return table


def is_prediction(path: Path) -> bool:
    """Whether a file holds a prediction of this package; little of it is read."""
    try:
        with h5py.File(path) as file:
            return "uns/napari_stem/recipe" in file
    except OSError:
        return False
