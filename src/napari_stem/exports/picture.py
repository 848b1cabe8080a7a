"""PNG figures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from napari_stem.exports.exporter import MOST_IN_FIGURE, Exporter

if TYPE_CHECKING:
    from anndata import AnnData


def _write(prediction: AnnData, path: Path, genes: Sequence[str]) -> None:
    from napari_stem.reports.report import write_picture

    write_picture(prediction, path, genes=genes)


EXPORTER = Exporter(
    suffix=".png",
    name="PNG figure",
    holds="Maps of chosen genes, or of the best predicted ones.",
    write=_write,
    most_genes=MOST_IN_FIGURE,
)
