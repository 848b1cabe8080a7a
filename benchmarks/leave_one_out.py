"""Metrics of a recipe by leaving one of several sections out, for choosing its settings.

python benchmarks/leave_one_out.py her2st:C2 her2st:C3 her2st:C4 [--steps 800 1200 1600]

Each section is held out once.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np

from napari_stem.api.training import evaluate, train
from napari_stem.checkpoints.recipe import make_recipe
from napari_stem.evaluation.evaluate import MODEL, Evaluation
from napari_stem.evaluation.metrics import Scores
from napari_stem.genes.panels import hmhvg
from napari_stem.sections.public_data import sample_section


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sections", nargs="+")
    parser.add_argument("--genes", type=int, default=300)
    parser.add_argument("--steps", type=int, nargs="+", default=[1200])
    given = parser.parse_args()
    sections = [sample_section(name) for name in given.sections]
    metrics: dict[str, list[Scores]] = {}
    for held_out in sections:
        known = [section for section in sections if section is not held_out]
        panel = hmhvg([section.spots for section in known], given.genes)
        for steps in given.steps:
            recipe = make_recipe("small", panel, fit={"steps": steps})
            with tempfile.TemporaryDirectory() as folder:
                checkpoint = train(known, recipe, Path(folder)).checkpoint
            found = evaluate(checkpoint, held_out, known)
            add(metrics, found, f"{MODEL}, {steps:,}")
    for method, rows in metrics.items():
        mean = {name: np.mean([row[name] for row in rows]) for name in rows[0]}
        print(f"{method:>12}", "  ".join(f"{name} {value:.3f}" for name, value in mean.items()))


def add(metrics: dict[str, list[Scores]], found: Evaluation, model: str) -> None:
    """Keep a section's metrics; those of the baselines are the same for all steps."""
    for method, scores in found.scores.items():
        rows = metrics.setdefault(model if method == MODEL else method, [])
        if scores not in rows:
            rows.append(scores)


if __name__ == "__main__":
    main()
