"""AnnData files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from napari_stem.exports.exporter import Exporter

if TYPE_CHECKING:
    from anndata import AnnData


def _write(prediction: AnnData, path: Path, genes: Sequence[str]) -> None:
    from napari_stem.io.h5ad import write_h5ad

    write_h5ad(prediction, path)


EXPORTER = Exporter(
    suffix=".h5ad",
    name="AnnData",
    holds="The whole prediction, for scanpy, squidpy and napari-stem.",
    write=_write,
)
