"""A page about a cohort: how each slide stands, and one gene over slides on one scale."""

from __future__ import annotations

import html
from collections.abc import Sequence
from os.path import relpath
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from napari_stem.cohort.manifest import Row, rows_of_cohort
from napari_stem.errors import PanelError, SpotsError
from napari_stem.evaluation.metrics import BRIEF
from napari_stem.io.h5ad import read_h5ad
from napari_stem.prediction.statistics import colour_limits
from napari_stem.reports.page import picture, write_page
from napari_stem.reports.plots import COLORMAP, draw_spots, unit
from napari_stem.reports.report import shown_genes
from napari_stem.spots.selection import select
from napari_stem.text import counted, one_line, printable

if TYPE_CHECKING:
    from anndata import AnnData

_MOST = 60  # maps on a page; the table has all slides


def write_summary(folder: Path, path: Path, gene: str = "") -> None:
    """Write one self-contained HTML file about the cohort of a folder.

    Parameters
    ----------
    gene
        The gene to map; "" takes the leading one of the first slide.

    Raises
    ------
    CohortError
        The folder holds no cohort.
    PanelError, SpotsError
        No prediction has the gene, or none can be read.
    StorageError
        The page cannot be written.
    """
    rows = rows_of_cohort(folder)
    name = printable(folder.resolve().name)
    n_done = sum(row.state == "done" for row in rows)
    parts = [
        f"<h1>{html.escape(name)}</h1>",
        f"<p class=sub>{n_done} of {counted(len(rows), 'slide')} done, {_spots(rows)}</p>",
        "<p class=note>Predicted, not measured. For research use only, not for diagnosis.</p>",
        *_maps(folder, rows, gene, path.absolute().parent),
        "<h2>Slides</h2>",
        _table(rows),
    ]
    write_page(path, name, parts)


def _spots(rows: Sequence[Row]) -> str:
    return counted(sum(row.spots or 0 for row in rows), "spot")


def _maps(folder: Path, rows: Sequence[Row], gene: str, beside: Path) -> list[str]:
    """One gene over the predicted slides, in the same colours everywhere; links start `beside`."""
    found: list[tuple[Row, str, AnnData]] = []
    lost: dict[str, PanelError | SpotsError] = {}
    for row in rows:
        file = next((name for name in row.outputs if name.endswith("-prediction.h5ad")), "")
        if row.state == "done" and file and len(found) < _MOST:
            try:
                prediction = read_h5ad(folder / file)
                gene = gene or shown_genes(prediction, ())[0]
                shown = select(prediction, genes=shown_genes(prediction, [gene]))
            except (PanelError, SpotsError) as error:
                lost[row.name] = error
            else:
                found.append((row, file, shown))
    if not found:
        for why in lost.values():
            raise why
        return []
    limits = colour_limits([np.asarray(prediction.X) for _, _, prediction in found])
    cards = [
        _card(prediction, limits, row.name, quote(relpath(folder / file, beside)))
        for row, file, prediction in found
    ]
    title = f"{gene}, {unit(found[0][2])}"
    return [
        f"<h2>{html.escape(gene)} on one scale</h2>",
        picture(_scale(limits, title), title),
        f"<div class=maps>{''.join(cards)}</div>",
        *(_missing(name, error) for name, error in lost.items()),
    ]


def _missing(name: str, error: Exception) -> str:
    return f"<p class=note>{html.escape(printable(f'{name}: {one_line(error)}.'))}</p>"


def _card(prediction: AnnData, limits: tuple[float, float], name: str, link: str) -> str:
    shown = html.escape(printable(name))
    caption = f'<figcaption><a href="{link}">{shown}</a></figcaption>'
    return f"<figure>{picture(_map(prediction, limits), printable(name))}{caption}</figure>"


def _map(prediction: AnnData, limits: tuple[float, float]) -> Figure:
    figure = Figure(figsize=(2, 2), layout="constrained")
    draw_spots(figure.subplots(), prediction, np.asarray(prediction.X)[:, 0], limits=limits)
    return figure


def _scale(limits: tuple[float, float], title: str) -> Figure:
    figure = Figure(figsize=(4, 0.7), layout="constrained")
    colours = ScalarMappable(Normalize(*limits), COLORMAP)
    figure.colorbar(colours, cax=figure.subplots(), orientation="horizontal", label=title)
    return figure


def _table(rows: Sequence[Row]) -> str:
    headings = ["Slide", "Patient", "State", "Spots", "Unlike the training", "Seconds"]
    headings += [metric.heading for metric in BRIEF]
    head = "".join(f"<th>{html.escape(text)}</th>" for text in headings)
    body = "".join(f"<tr>{_cells(row)}</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def _cells(row: Row) -> str:
    state = f"{row.state}: {row.reason}" if row.reason else row.state
    texts = [
        row.name, row.patient, state,
        "" if row.spots is None else f"{row.spots:,}",
        "" if row.ood_share is None else f"{100 * row.ood_share:.0f} %",
        f"{row.seconds:.0f}" if row.seconds else "",
        *(metric.text(row.metrics[metric.name]) if metric.name in row.metrics else ""
          for metric in BRIEF),
    ]  # fmt: skip
    return "".join(f"<td>{html.escape(printable(text))}</td>" for text in texts)
