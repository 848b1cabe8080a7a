"""Parquet tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from napari_stem.exports.exporter import Exporter

if TYPE_CHECKING:
    from anndata import AnnData


def _write(prediction: AnnData, path: Path, genes: Sequence[str]) -> None:
    from napari_stem.io.csv import write_parquet

    write_parquet(prediction, path)


EXPORTER = Exporter(
    suffix=".parquet",
    name="Parquet table",
    holds="The same table as CSV, smaller and faster to read.",
    write=_write,
    extra="parquet",
)
