"""PNG figures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from napari_stem.exports.exporter import MOST_IN_FIGURE, Exporter
from napari_stem.prediction.trust import warnings_of
from napari_stem.storage import atomic_path

if TYPE_CHECKING:
    from anndata import AnnData


def write_picture(prediction: AnnData, path: Path, genes: Sequence[str] = ()) -> None:
    """Write maps of some genes; without any, of the leading ones.

    Raises
    ------
    PanelError
        The prediction lacks a gene.
    """
    from napari_stem.reports.plots import gene_maps
    from napari_stem.reports.report import shown_genes

    figure = gene_maps(prediction, shown_genes(prediction, genes))
    if warnings := warnings_of(prediction):
        told = "\n".join(f"⚠ {text}" for text in warnings)
        figure.supxlabel(told, color="#d55e00", fontsize=9, parse_math=False)
    with atomic_path(path) as draft:
        figure.savefig(draft, format="png", dpi=110)


EXPORTER = Exporter(
    suffix=".png",
    name="PNG figure",
    holds="Maps of chosen genes, or of the best predicted ones.",
    write=write_picture,
    most_genes=MOST_IN_FIGURE,
)
