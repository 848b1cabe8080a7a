"""OME-TIFF images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from napari_stem.exports.exporter import Exporter

if TYPE_CHECKING:
    from anndata import AnnData


def _write(prediction: AnnData, path: Path, genes: Sequence[str]) -> None:
    from napari_stem.io.ometiff import write_ometiff

    write_ometiff(prediction, path)


EXPORTER = Exporter(
    suffix=".ome.tif",
    name="OME-TIFF heatmaps",
    holds="One channel per gene for mean and one for SD, aligned with the slide.",
    write=_write,
)
