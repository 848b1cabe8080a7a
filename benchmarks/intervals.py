"""Whether stretching draws around their median makes intervals hold better (split conformal).

python benchmarks/intervals.py her2st:C2 her2st:C3 her2st:C4 her2st:C5

Each section is left out once. How far its draws are stretched is learned from the draws for the
other sections, each from the model that did not see it: for all genes together, or for each.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from napari_stem.api.predicting import draws_of, predict
from napari_stem.api.training import train
from napari_stem.checkpoints.recipe import make_recipe
from napari_stem.evaluation.scoring import score
from napari_stem.genes.panels import hmhvg
from napari_stem.prediction.statistics import at_quantiles
from napari_stem.sections.public_data import sample_section
from napari_stem.sections.section import Section

_LEVEL = 0.9
_SHOWN = ("fair_crps", "energy", "coverage_50", "coverage_80", "coverage_90", "coverage_95")
_LEAST = 1e-3  # half of an interval


@dataclass(frozen=True)
class Fold:
    """Draws (K, n, c) for a section that was left out, and what it measured (n, c)."""

    genes: list[str]
    draws: np.ndarray
    truth: np.ndarray


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sections", nargs="+")
    parser.add_argument("--genes", type=int, default=300)
    given = parser.parse_args()
    sections = [sample_section(name) for name in given.sections]
    folds = [left_out(section, sections, given.genes) for section in sections]
    rows = {}
    for name, factors in WAYS.items():
        found = []
        for fold in folds:
            factor = factors([other for other in folds if other is not fold], fold.genes)
            scores = score(stretched(fold.draws, factor), fold.truth, antithetic=True)
            found.append([float(np.mean(factor)), *(scores[metric] for metric in _SHOWN)])
        spots = [len(fold.truth) for fold in folds]
        rows[name] = np.average(found, axis=0, weights=spots)
    print(pd.DataFrame(rows, index=["factor", *_SHOWN]).T.round(4).to_string())


def left_out(section: Section, sections: list[Section], n_genes: int) -> Fold:
    known = [other for other in sections if other is not section]
    panel = hmhvg([other.spots for other in known], n_genes, measured_by=[section.spots])
    with tempfile.TemporaryDirectory() as folder:
        result = train(known, make_recipe("small", panel), folder, progress=False)
        prediction = predict(section, section.spots, result.checkpoint, progress=False)
    return Fold(panel, draws_of(prediction), np.asarray(prediction.layers["truth"]))


def stretched(draws: np.ndarray, factor: np.ndarray) -> np.ndarray:
    middle = np.median(draws, axis=0)
    return np.maximum(middle + factor * (draws - middle), 0)


def misfit(fold: Fold) -> np.ndarray:
    """(n, c) how far measured values are from the median, in halves of the interval."""
    low, high = at_quantiles(fold.draws, ((1 - _LEVEL) / 2, (1 + _LEVEL) / 2))
    middle = np.median(fold.draws, axis=0)
    away = fold.truth - middle
    return np.abs(away) / np.maximum(np.where(away > 0, high - middle, middle - low), _LEAST)


def conformal(scores: np.ndarray) -> float:
    """The factor by which intervals cover the level of further values (Papadopoulos 2002)."""
    n = scores.size
    return float(np.quantile(scores, min(1, np.ceil((n + 1) * _LEVEL) / n), method="higher"))


def as_drawn(others: list[Fold], genes: list[str]) -> np.ndarray:
    return np.ones(len(genes))


def for_all(others: list[Fold], genes: list[str]) -> np.ndarray:
    factor = conformal(np.concatenate([misfit(other).ravel() for other in others]))
    return np.full(len(genes), factor)


def for_each(others: list[Fold], genes: list[str]) -> np.ndarray:
    tables = [pd.DataFrame(misfit(other), columns=other.genes) for other in others]
    known = pd.concat(tables)
    return np.array([conformal(known[g].dropna().to_numpy()) if g in known else 1 for g in genes])


WAYS: dict[str, Callable[[list[Fold], list[str]], np.ndarray]] = {
    "as drawn": as_drawn,
    "one factor": for_all,
    "a factor for each gene": for_each,
}


if __name__ == "__main__":
    main()
