"""Parquet tables, which need the package pyarrow."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from napari_stem.exports.csv import wide_table
from napari_stem.exports.exporter import Exporter
from napari_stem.extras import extra
from napari_stem.storage import atomic_path

if TYPE_CHECKING:
    from anndata import AnnData


def write_parquet(prediction: AnnData, path: Path, genes: Sequence[str] = ()) -> None:
    """Write the wide table of a prediction."""
    with atomic_path(path) as draft, extra("parquet", "Parquet"):
        wide_table(prediction).to_parquet(draft, engine="pyarrow")


EXPORTER = Exporter(
    suffix=".parquet",
    name="Parquet table",
    holds="The same table as CSV, smaller and faster to read.",
    write=write_parquet,
    extra="parquet",
)
