"""Figures of a recipe by leaving one of several sections out, for choosing its settings.

python benchmarks/leave_one_out.py her2st:C2 her2st:C3 her2st:C4 [--steps 850] [--emphasis 1.2]
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from napari_stem.datasets import sample_section
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
    parser.add_argument("--emphasis", type=float, default=1.0)
    given = parser.parse_args()
    sections = [sample_section(name) for name in given.sections]
    fit = {"steps": given.steps} if given.steps else {}
    figures: dict[str, list[dict[str, float]]] = {}
    for held_out in sections:
        known = [section for section in sections if section is not held_out]
        recipe = make_recipe("small", hmhvg([s.spots for s in known], given.genes), fit=fit)
        recipe = replace(recipe, emphasis=given.emphasis)
        with tempfile.TemporaryDirectory() as folder:
            result = train(
                known, recipe, Path(folder), held_out=held_out,
                options=PredictOptions(cache=cache_dir()),
            )  # fmt: skip
        assert result.evaluation is not None
        for method, scores in result.evaluation.scores.items():
            figures.setdefault(method, []).append(asdict(scores))
    for method, rows in figures.items():
        mean = {name: np.mean([row[name] for row in rows]) for name in rows[0]}
        print(f"{method:>8}", "  ".join(f"{name} {value:.3f}" for name, value in mean.items()))


if __name__ == "__main__":
    main()
