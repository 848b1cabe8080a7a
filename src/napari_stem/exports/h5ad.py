"""AnnData files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from napari_stem.exports.exporter import Exporter
from napari_stem.storage import atomic_path

if TYPE_CHECKING:
    from anndata import AnnData


def write_h5ad(table: AnnData, path: Path, genes: Sequence[str] = ()) -> None:
    """Write a prediction, or any spot table, as scanpy and squidpy read it."""
    with atomic_path(path) as draft:
        table.write_h5ad(draft, compression="gzip")


EXPORTER = Exporter(
    suffix=".h5ad",
    name="AnnData",
    holds="The whole prediction, for scanpy, squidpy and napari-stem.",
    write=write_h5ad,
)
