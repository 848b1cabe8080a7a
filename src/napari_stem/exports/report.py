"""Reports."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from napari_stem.exports.exporter import MOST_IN_FIGURE, Exporter

if TYPE_CHECKING:
    from anndata import AnnData

    from napari_stem.events import Check


def _write(prediction: AnnData, path: Path, genes: Sequence[str], check: Check) -> None:
    from napari_stem.reports.report import write_report

    write_report(prediction, path, genes=genes)


EXPORTER = Exporter(
    suffix=".html",
    name="HTML report",
    holds="One page with maps of genes, clusters and how the prediction was made.",
    write=_write,
    most_genes=MOST_IN_FIGURE,
)
