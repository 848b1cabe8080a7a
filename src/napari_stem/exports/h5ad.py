"""AnnData files."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import h5py
import numpy as np
from anndata.io import write_elem

from napari_stem.exports.exporter import Exporter
from napari_stem.roomy import is_large
from napari_stem.storage import atomic_path

if TYPE_CHECKING:
    from anndata import AnnData


def write_h5ad(table: AnnData, path: Path, genes: Sequence[str] = ()) -> None:
    """Write a prediction, or any spot table, as scanpy and squidpy read it.

    Unless it is large, the packed file is put together in memory: on a full disk, HDF5 prints an
    error for each of its objects, and may leave the process with files that it cannot close.
    """
    table.strings_to_categoricals()
    arrays = (
        values for values in (table.X, *table.layers.values()) if isinstance(values, np.ndarray)
    )
    if is_large(sum(values.nbytes for values in arrays)):
        with atomic_path(path) as draft:
            _pack(table, draft)
        return
    packed = io.BytesIO()
    _pack(table, packed)
    with atomic_path(path) as draft:
        draft.write_bytes(packed.getbuffer())


def _pack(table: AnnData, target: Path | io.BytesIO) -> None:
    with h5py.File(target, "w") as file:
        write_elem(file, "/", table, dataset_kwargs={"compression": "gzip"})


EXPORTER = Exporter(
    suffix=".h5ad",
    name="AnnData",
    holds="The whole prediction, for scanpy, squidpy and napari-stem.",
    write=write_h5ad,
)
