"""AnnData files."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import h5py
from anndata.io import write_elem

from napari_stem.exports.exporter import Exporter
from napari_stem.storage import atomic_path

if TYPE_CHECKING:
    from anndata import AnnData


def write_h5ad(table: AnnData, path: Path, genes: Sequence[str] = ()) -> None:
    """Write a prediction, or any spot table, as scanpy and squidpy read it.

    The packed file is put together in memory: on a full disk, HDF5 prints an error for each of its
    objects, and may leave the process with files that it cannot close.
    """
    table.strings_to_categoricals()
    packed = io.BytesIO()
    with h5py.File(packed, "w") as file:
        write_elem(file, "/", table, dataset_kwargs={"compression": "gzip"})
    with atomic_path(path) as draft:
        draft.write_bytes(packed.getbuffer())


EXPORTER = Exporter(
    suffix=".h5ad",
    name="AnnData",
    holds="The whole prediction, for scanpy, squidpy and napari-stem.",
    write=write_h5ad,
)
