"""The part of a report that compares a prediction with measured counts."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import TYPE_CHECKING

from napari_stem.evaluation.comparison import MODEL, Comparison, limits_in_words, pooled
from napari_stem.evaluation.metrics import METRICS, Metric
from napari_stem.reports.metric_plots import calibration_plot, ceiling_plot, gene_matrix_plot
from napari_stem.reports.page import picture
from napari_stem.text import a_few, counted

if TYPE_CHECKING:
    from napari_stem.evaluation.evaluate import Evaluation

_WORDS = {1: "better", 0: "", -1: "worse"}


def measured_part(evaluations: Sequence[Evaluation]) -> list[str]:
    """Pieces of HTML: metrics of all methods, genes against their ceilings, calibration.

    Of several sections, metrics are means; the correlations of genes are those of the first.
    """
    comparison = pooled([evaluation.comparison for evaluation in evaluations])
    parts = ["<h2>Compared with measured counts</h2>"]
    for seen in dict.fromkeys(evaluation.seen for evaluation in evaluations if evaluation.seen):
        text = f"These metrics are too good. {seen}"
        parts.append(f"<p class=note>⚠ {html.escape(text)}</p>")
    parts += [_table(comparison), f"<p>{html.escape(limits_in_words(comparison))}</p>"]
    if missing := dict.fromkeys(gene for each in evaluations for gene in each.missing_genes):
        text = f"{counted(len(missing), 'gene')} of the panel not measured: {a_few(missing)}"
        parts.append(f"<p>{html.escape(text)}</p>")
    return [
        *parts,
        "<h3>Genes and their noise ceilings</h3>",
        picture(ceiling_plot(comparison), "Correlation of genes against their noise ceilings"),
        "<h3>Calibration</h3>",
        picture(calibration_plot(comparison), "Coverage of intervals and PIT histogram"),
        "<h3>Genes that vary together</h3>",
        picture(gene_matrix_plot(evaluations[0].gene_structure), "Gene-gene correlations"),
    ]


def _table(comparison: Comparison) -> str:
    """Metrics as rows, methods as columns; what differs from the model says how."""
    methods = list(comparison.methods)
    head = "".join(
        f"<th>{html.escape(name)}</th>" for name in [MODEL, "95 % interval", *methods[1:]]
    )
    rows = "".join(_row(comparison, metric) for metric in METRICS.values())
    return (
        f"<table><tr><th>Metric</th>{head}</tr>{rows}</table><p class=sub>Beside a baseline: "
        f"whether {MODEL} is better or worse on the same spots, by a 95 % bootstrap interval.</p>"
    )


def _row(comparison: Comparison, metric: Metric) -> str:
    low, high = map(metric.text, comparison.intervals(MODEL)[metric.name])
    values = {name: metric.text(scores[metric.name]) for name, scores in comparison.scores.items()}
    cells = [values.pop(MODEL), f"{low} to {high}"]
    for name, value in values.items():
        cells.append(f"{value} <small>{_WORDS[comparison.verdict(name, metric)]}</small>")
    filled = "".join(f"<td>{cell}</td>" for cell in cells)
    return (
        f'<tr><td title="{html.escape(metric.tooltip)}">{html.escape(metric.heading)}</td>'
        f"{filled}</tr>"
    )
