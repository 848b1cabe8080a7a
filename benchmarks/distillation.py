"""Metrics of distilled checkpoints by their number of evaluations, beside the same undistilled.

    python benchmarks/distillation.py her2st:C2 her2st:C3 her2st:C4 her2st:C5 [--quick]

Each section is left out once: a checkpoint of the small preset learns from the others, and so do
its students. Rows are means over the sections. `spread` is the median over genes of the spread of
the draws over that of the default sampler. --quick leaves out the last section alone.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_stem.api.training import distill, train
from napari_stem.checkpoints.recipe import make_recipe
from napari_stem.evaluation.evaluate import iter_tested
from napari_stem.evaluation.metrics import METRICS
from napari_stem.events import finish
from napari_stem.features.compute import Compute
from napari_stem.genes.panels import hmhvg
from napari_stem.prediction.options import PredictOptions
from napari_stem.sections.public_data import sample_section
from napari_stem.storage import cache_dir

if TYPE_CHECKING:
    from napari_stem.checkpoints.checkpoint import Checkpoint
    from napari_stem.sections.section import Section

FEW = (1, 2, 4)
SHOWN = ("pcc_50", "mae", "rvd", "fair_crps", "energy", "coverage_90", "gsc", "ssc")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sections", nargs="+")
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    sections = [sample_section(name) for name in given.sections]
    rows: dict[str, list[list[float]]] = {}
    for left in sections[-1:] if given.quick else sections:
        known = [section for section in sections if section is not left]
        reference = None
        for label, checkpoint, options in drawers(known, left):
            values, spread = tested(checkpoint, left, options)
            reference = spread if reference is None else reference
            ratio = float(np.median((spread / reference)[reference > 0]))
            rows.setdefault(label, []).append([ratio, *values])
            print(f"{left.name}  {label:<14} {ratio:.3f}", flush=True)
    print("draws           spread  " + "  ".join(METRICS[name].heading for name in SHOWN))
    for label, found in rows.items():
        spread, *values = np.mean(found, axis=0)
        pairs = zip(SHOWN, values, strict=True)
        shown = (f"{value:{len(METRICS[name].heading)}.3f}" for name, value in pairs)
        print(f"{label:<15} {spread:6.3f}  " + "  ".join(shown))


def drawers(
    known: list[Section], left: Section
) -> Iterator[tuple[str, Checkpoint, PredictOptions]]:
    """Checkpoints and how they draw, by the name of a row; the reference first."""
    panel = hmhvg([each.spots for each in known], 300, measured_by=[left.spots])
    with tempfile.TemporaryDirectory() as folder:
        teacher = train(known, make_recipe("small", panel), folder).checkpoint
        yield "pc 8 (default)", teacher, PredictOptions()
        for n in FEW:
            yield f"pc {n}", teacher, PredictOptions(sampler="pc", steps=n)
            student = distill(teacher, known, Path(folder) / str(n), evaluations=n).checkpoint
            yield f"distilled {n}", student, PredictOptions()


def tested(
    checkpoint: Checkpoint, section: Section, options: PredictOptions
) -> tuple[list[float], np.ndarray]:
    """Metrics of the draws, and the mean spread (c,) of each gene."""
    panel, compute = checkpoint.recipe.panel, Compute(cache=cache_dir())
    with closing(finish(iter_tested(checkpoint, section, panel, options, compute))) as found:
        scores = found.scores()
        return [scores[name] for name in SHOWN], found.prediction.layers["std"].mean(axis=0)


if __name__ == "__main__":
    main()
