"""Figures of a recipe by leaving one of several sections out, for choosing its settings.

python benchmarks/leave_one_out.py her2st:C2 her2st:C3 her2st:C4 [--steps 850] [--emphasis 1 1.2]

Each section is held out once; a training serves all emphases.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from napari_stem.datasets import sample_section
from napari_stem.evaluation import MODEL, Evaluation, evaluate
from napari_stem.panels import hmhvg
from napari_stem.prediction import PredictOptions
from napari_stem.recipe import make_recipe
from napari_stem.storage import cache_dir
from napari_stem.training import train


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sections", nargs="+")
    parser.add_argument("--genes", type=int, default=300)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--emphasis", type=float, nargs="+", default=[1.0])
    given = parser.parse_args()
    sections = [sample_section(name) for name in given.sections]
    fit = {"steps": given.steps} if given.steps else {}
    options = PredictOptions(cache=cache_dir())
    figures: dict[str, list[dict[str, float]]] = {}
    for held_out in sections:
        known = [section for section in sections if section is not held_out]
        recipe = make_recipe("small", hmhvg([s.spots for s in known], given.genes), fit=fit)
        with tempfile.TemporaryDirectory() as folder:
            checkpoint = train(known, recipe, Path(folder), options=options).checkpoint
        for emphasis in given.emphasis:
            changed = replace(checkpoint, recipe=replace(checkpoint.recipe, emphasis=emphasis))
            add(figures, evaluate(changed, held_out, known, options), f"{MODEL}, {emphasis:g}")
    for method, rows in figures.items():
        mean = {name: np.mean([row[name] for row in rows]) for name in rows[0]}
        print(f"{method:>10}", "  ".join(f"{name} {value:.3f}" for name, value in mean.items()))


def add(figures: dict[str, list[dict[str, float]]], found: Evaluation, model: str) -> None:
    """Keep a section's figures; those of the baselines are the same for every emphasis."""
    for method, scores in found.scores.items():
        rows = figures.setdefault(model if method == MODEL else method, [])
        if asdict(scores) not in rows:
            rows.append(asdict(scores))


if __name__ == "__main__":
    main()
