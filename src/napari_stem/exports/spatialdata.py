"""SpatialData folders."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from napari_stem.exports.exporter import Exporter

if TYPE_CHECKING:
    from anndata import AnnData


def _write(prediction: AnnData, path: Path, genes: Sequence[str]) -> None:
    from napari_stem.io.spatialdata import write_spatialdata

    write_spatialdata(prediction, path)


EXPORTER = Exporter(
    suffix=".zarr",
    name="SpatialData",
    holds="The whole prediction, with spots as circles in level-0 pixels.",
    write=_write,
    extra="spatialdata",
)
