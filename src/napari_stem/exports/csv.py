"""CSV tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from napari_stem.exports.exporter import Exporter

if TYPE_CHECKING:
    from anndata import AnnData


def _write(prediction: AnnData, path: Path, genes: Sequence[str]) -> None:
    from napari_stem.io.csv import write_csv

    write_csv(prediction, path)


EXPORTER = Exporter(
    suffix=".csv",
    name="CSV table",
    holds="One row per spot: x, y, cluster, mean and SD of each gene.",
    write=_write,
)
