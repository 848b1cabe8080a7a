"""Parquet tables, which need the package pyarrow."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from napari_stem.events import Check, go_on
from napari_stem.exports.csv import wide_table
from napari_stem.exports.exporter import Exporter
from napari_stem.extras import extra
from napari_stem.roomy import blocks
from napari_stem.storage import atomic_path

if TYPE_CHECKING:
    from anndata import AnnData


def write_parquet(
    prediction: AnnData, path: Path, genes: Sequence[str] = (), check: Check = go_on
) -> None:
    """Write the wide table of a prediction, some spots in each row group."""
    with extra("parquet", "Parquet"):
        from pyarrow import Table
        from pyarrow.parquet import ParquetWriter
    with atomic_path(path) as draft, ExitStack() as stack:
        writer = None
        for rows in blocks(prediction.n_obs):
            check()
            part = Table.from_pandas(wide_table(prediction, rows))
            writer = writer or stack.enter_context(ParquetWriter(draft, part.schema))
            writer.write_table(part)


EXPORTER = Exporter(
    suffix=".parquet",
    name="Parquet table",
    holds="The same table as CSV, smaller and faster to read.",
    write=write_parquet,
    extra="parquet",
)
