"""The part of a report that compares a prediction with measured counts."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import TYPE_CHECKING

from napari_stem.evaluation.comparison import MODEL, Comparison, limits_in_words, pooled
from napari_stem.evaluation.metrics import BY_SECTION, METRICS, Metric
from napari_stem.reports.metric_plots import calibration_plot, ceiling_plot, gene_matrix_plot
from napari_stem.reports.page import picture
from napari_stem.reports.plots import variation_curve
from napari_stem.text import a_few, counted, printable

if TYPE_CHECKING:
    from napari_stem.evaluation.evaluate import Evaluation

_WORDS = {1: "better", 0: "", -1: "worse"}


def measured_part(evaluations: Sequence[Evaluation]) -> list[str]:
    """Pieces of HTML: metrics of all methods and sections, and what single genes show.

    Of several sections, metrics are means; variances and correlations of genes are those of the
    first.
    """
    comparison = pooled([evaluation.comparison for evaluation in evaluations])
    first, several = evaluations[0], len(evaluations) > 1
    of_first = f", {html.escape(printable(first.section))}" if several else ""
    parts = ["<h2>Compared with measured counts</h2>"]
    for seen in dict.fromkeys(evaluation.seen for evaluation in evaluations if evaluation.seen):
        text = f"These metrics are too good. {seen}"
        parts.append(f"<p class=note>⚠ {html.escape(text)}</p>")
    parts += [_table(comparison), f"<p>{html.escape(limits_in_words(comparison))}</p>"]
    if missing := dict.fromkeys(gene for each in evaluations for gene in each.missing_genes):
        text = f"{counted(len(missing), 'gene')} of the panel not measured: {a_few(missing)}"
        parts.append(f"<p>{html.escape(text)}</p>")
    if several:
        parts += [f"<h3>{MODEL} by section</h3>", _by_section(evaluations)]
    return [
        *parts,
        "<h3>Genes and their noise ceilings</h3>",
        picture(ceiling_plot(comparison), "Correlation of genes against their noise ceilings"),
        "<h3>Calibration</h3>",
        picture(calibration_plot(comparison), "Coverage of intervals and PIT histogram"),
        f"<h3>Variation of genes{of_first}</h3>",
        picture(variation_curve(first.prediction), "Variance of genes, measured and predicted"),
        f"<h3>Genes that vary together{of_first}</h3>",
        picture(gene_matrix_plot(first.gene_structure), "Gene-gene correlations"),
    ]


def _table(comparison: Comparison) -> str:
    """Metrics as rows, methods as columns; what differs from the model says how."""
    columns = [MODEL, "95 % interval", "Ceiling", *[*comparison.methods][1:]]
    head = "".join(f"<th>{html.escape(name)}</th>" for name in columns)
    rows = "".join(_row(comparison, metric) for metric in METRICS.values())
    return (
        f"<table><tr><th>Metric</th>{head}</tr>{rows}</table><p class=sub>Beside a baseline: "
        f"whether {MODEL} is better or worse on the same spots, by a 95 % bootstrap interval.</p>"
    )


def _by_section(evaluations: Sequence[Evaluation]) -> str:
    """Some metrics of the model in each section."""
    head = "".join(
        f'<th title="{html.escape(metric.tooltip)}">{html.escape(metric.heading)}</th>'
        for metric in BY_SECTION
    )
    rows = []
    for each in evaluations:
        cells = "".join(
            f"<td>{metric.text(each.scores[MODEL][metric.name])}</td>" for metric in BY_SECTION
        )
        name = html.escape(printable(each.section))
        rows.append(f"<tr><td>{name}</td><td>{each.comparison.n_spots:,}</td>{cells}</tr>")
    return f"<table><tr><th>Section</th><th>Spots</th>{head}</tr>{''.join(rows)}</table>"


def _row(comparison: Comparison, metric: Metric) -> str:
    low, high = map(metric.text, comparison.intervals(MODEL)[metric.name])
    values = {name: metric.text(scores[metric.name]) for name, scores in comparison.scores.items()}
    ceiling = comparison.ceilings.get(metric.name)
    cells = [values.pop(MODEL), f"{low} to {high}"]
    cells.append("" if ceiling is None else metric.text(ceiling))
    for name, value in values.items():
        cells.append(f"{value} <small>{_WORDS[comparison.verdict(name, metric)]}</small>")
    filled = "".join(f"<td>{cell}</td>" for cell in cells)
    return (
        f'<tr><td title="{html.escape(metric.tooltip)}">{html.escape(metric.heading)}</td>'
        f"{filled}</tr>"
    )
