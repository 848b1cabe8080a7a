"""GeoJSON for QuPath."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from napari_stem.exports.exporter import Exporter

if TYPE_CHECKING:
    from anndata import AnnData


def _write(prediction: AnnData, path: Path, genes: Sequence[str]) -> None:
    from napari_stem.io.geojson import write_geojson

    write_geojson(prediction, path)


EXPORTER = Exporter(
    suffix=".geojson",
    name="QuPath GeoJSON",
    holds="Tiles with measurements and clusters. Drop the file onto the slide in QuPath.",
    write=_write,
)
