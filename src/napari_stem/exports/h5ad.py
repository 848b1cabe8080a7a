"""AnnData files."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
from anndata.experimental import write_dispatched

from napari_stem.events import Check, go_on
from napari_stem.exports.exporter import Exporter
from napari_stem.roomy import blocks, is_large
from napari_stem.storage import atomic_path

if TYPE_CHECKING:
    from anndata import AnnData

_COLUMNS = 64  # of a chunk


def write_h5ad(table: AnnData, path: Path, genes: Sequence[str] = (), check: Check = go_on) -> None:
    """Write a prediction, or any spot table, as scanpy and squidpy read it.

    Unless it is large, the packed file is put together in memory: on a full disk, HDF5 prints an
    error for each of its objects, and may leave the process with files that it cannot close.
    """
    table.strings_to_categoricals()
    parts = table.X, *table.layers.values(), *table.obsm.values()
    if is_large(sum(part.nbytes for part in parts if isinstance(part, np.ndarray))):
        with atomic_path(path) as draft:
            _pack(table, draft, check)
        return
    packed = io.BytesIO()
    _pack(table, packed, check)
    with atomic_path(path) as draft:
        draft.write_bytes(packed.getbuffer())


def _pack(table: AnnData, target: Path | io.BytesIO, check: Check) -> None:
    with h5py.File(target, "w") as file:
        write = partial(_write_part, check)
        write_dispatched(file, "/", table, write, dataset_kwargs={"compression": "gzip"})


def _write_part(
    check: Check,
    write: Callable[..., None],
    group: h5py.Group,
    name: str,
    part: Any,
    *,
    dataset_kwargs: Mapping[str, Any],
    iospec: Any,
) -> None:
    """Write a part of a table as anndata does, but matrices some rows at a time."""
    check()
    is_matrix = (
        isinstance(part, np.ndarray) and part.ndim == 2 and part.size and part.dtype.kind == "f"
    )
    several = [*blocks(*part.shape)] if is_matrix else []
    if len(several) < 2:
        write(group, name, part, dataset_kwargs=dataset_kwargs)
        return
    chunks = several[0].stop, min(_COLUMNS, part.shape[1])
    matrix = group.create_dataset(name, part.shape, part.dtype, chunks=chunks, **dataset_kwargs)
    matrix.attrs["encoding-type"] = iospec.encoding_type
    matrix.attrs["encoding-version"] = iospec.encoding_version
    for rows in several:
        check()
        matrix[rows] = part[rows]


EXPORTER = Exporter(
    suffix=".h5ad",
    name="AnnData",
    holds="The whole prediction, for scanpy, squidpy and napari-stem.",
    write=write_h5ad,
)
