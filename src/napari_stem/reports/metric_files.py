"""Evaluations as files: JSON for programs, CSV with a row a gene."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from napari_stem.evaluation.comparison import MODEL, Comparison, pooled
from napari_stem.evaluation.evaluate import Evaluation
from napari_stem.storage import atomic_path

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_stem.evaluation.metrics import Scores

# The metrics of a method; the others are among its details.
MAIN = (
    "pcc_10", "pcc_50", "pcc_all", "mae", "mse", "rvd", "fair_crps", "energy", "coverage_90",
    "gsc", "ssc",
)  # fmt: skip
_OF_GENES = ("pcc", "mae", "fair_crps")


def write_metrics_json(evaluations: Sequence[Evaluation], path: str | Path) -> None:
    """Write the metrics of one or more evaluated sections.

    `methods` holds the `MAIN` metrics of each method over all sections, `genes` what is known of
    each gene, `missing_genes` what a section did not measure, `ceilings` the noise ceilings of the
    genes in each PCC, `details` all metrics of each method with bootstrap intervals, `sections`
    the metrics of each section. docs/metrics.md lists the entries.
    """
    every = pooled([evaluation.comparison for evaluation in evaluations])
    missing = dict.fromkeys(gene for each in evaluations for gene in each.missing_genes)
    document = {
        "methods": {name: _main(scores) for name, scores in every.scores.items()},
        "genes": _genes(every),
        "missing_genes": list(missing),
        "spots": every.n_spots,
        "ceilings": every.ceilings,
        "details": {name: _details(every, name) for name in every.methods},
        "sections": {
            each.section: {name: dict(scores) for name, scores in each.scores.items()}
            for each in evaluations
        },
    }
    with atomic_path(path) as draft:
        draft.write_text(json.dumps(document, indent=1), encoding="utf-8")


def write_metrics_csv(evaluations: Sequence[Evaluation], path: str | Path) -> None:
    """Write a row a section, method and gene: what is known of the gene, and its metrics.

    "trust" is the class of the gene in that section, of `gene_trust.CLASSES`, on each row of it.
    """
    tables = [
        evaluation.comparison.by_gene().assign(section=evaluation.section)
        for evaluation in evaluations
    ]
    table = pd.concat(tables, ignore_index=True)
    columns = ["section", *(name for name in table if name != "section")]
    with atomic_path(path) as draft:
        table[columns].to_csv(draft, index=False, float_format="%.6g")


def _main(scores: Scores) -> dict[str, float]:
    return {name: scores[name] for name in MAIN}


def _genes(comparison: Comparison) -> dict[str, dict[str, Any]]:
    columns: Mapping[str, NDArray[np.float64]] = {
        "ceiling": comparison.ceiling,
        "detection_rate": comparison.detection_rate,
        **{
            metric if method == MODEL else f"{metric} {method}": judged.genes[metric]
            for metric in _OF_GENES
            for method, judged in comparison.methods.items()
        },
    }
    trust = comparison.held_out()["trust"]
    return {
        gene: {
            **{name: _number(values[i]) for name, values in columns.items()},
            "trust": trust.iloc[i],
        }
        for i, gene in enumerate(comparison.genes)
    }


def _details(comparison: Comparison, method: str) -> dict[str, Any]:
    judged = comparison.methods[method]
    found = {
        "draws": judged.n_draws,
        "pit": judged.pit.tolist(),
        "metrics": dict(judged.scores),
        "intervals": comparison.intervals(method),
    }
    if method != MODEL:
        found["model_minus_this"] = comparison.differences(method)
    return found


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
