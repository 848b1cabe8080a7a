"""PNG figures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from napari_stem.events import Check, go_on
from napari_stem.exports.exporter import MOST_IN_FIGURE, Exporter
from napari_stem.prediction.trust import warnings_of
from napari_stem.spots.provenance import origin
from napari_stem.storage import atomic_path

if TYPE_CHECKING:
    from anndata import AnnData
    from matplotlib.figure import Figure


def write_picture(
    prediction: AnnData, path: Path, genes: Sequence[str] = (), check: Check = go_on
) -> None:
    """Write maps of some genes; without any, of the leading ones.

    Raises
    ------
    PanelError
        The prediction lacks a gene.
    """
    with atomic_path(path) as draft:
        titled_maps(prediction, genes).savefig(draft, format="png", dpi=110)


def titled_maps(prediction: AnnData, genes: Sequence[str]) -> Figure:
    """Maps below what they were made of, above what they warn of."""
    from napari_stem.reports.plots import gene_maps
    from napari_stem.reports.report import shown_genes

    figure = gene_maps(prediction, shown_genes(prediction, genes))
    figure.suptitle(str(origin(prediction)), fontsize=10, parse_math=False)
    if warnings := warnings_of(prediction):
        told = "\n".join(f"⚠ {text}" for text in warnings)
        figure.supxlabel(told, color="#d55e00", fontsize=9, parse_math=False)
    return figure


EXPORTER = Exporter(
    suffix=".png",
    name="PNG figure",
    holds="Maps of chosen genes, or of the best predicted ones.",
    write=write_picture,
    most_genes=MOST_IN_FIGURE,
)
