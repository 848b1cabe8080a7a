"""Metrics and time of each sampler by its number of evaluations, on a held-out section.

    python benchmarks/sampling.py [--train her2st:C2 her2st:C3 her2st:C4 --test her2st:C5] [--quick]

One checkpoint of the small preset draws all rows. `spread` is the median over genes of the spread
of its draws over that of 1,000 ancestral steps, which --quick replaces by 100.
"""

from __future__ import annotations

import argparse
import tempfile
from time import perf_counter

import numpy as np

from napari_stem.api.training import train
from napari_stem.checkpoints.recipe import make_recipe
from napari_stem.evaluation.metrics import METRICS
from napari_stem.evaluation.scoring import score
from napari_stem.events import finish
from napari_stem.features.compute import Compute
from napari_stem.genes.counts import counted_spots, transform_counts
from napari_stem.genes.panels import hmhvg
from napari_stem.prediction.options import PredictOptions
from napari_stem.prediction.predict import iter_draws
from napari_stem.sections.public_data import sample_section
from napari_stem.spots.table import positions

ROWS = (
    *(("pc", steps) for steps in (4, 6, 8, 10, 20)),
    *(("dpm++", steps) for steps in (6, 10, 20)),
    *(("ddim", steps) for steps in (10, 25, 50)),
)
SHOWN = ("pcc_50", "mae", "rvd", "fair_crps", "energy", "coverage_90", "gsc", "ssc")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--train", nargs="+", default=["her2st:C2", "her2st:C3", "her2st:C4"])
    parser.add_argument("--test", default="her2st:C5")
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    known, section = [sample_section(name) for name in given.train], sample_section(given.test)
    panel = hmhvg([each.spots for each in known], 300)
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = train(known, make_recipe("small", panel), folder).checkpoint
    spots = counted_spots(section.spots, panel, section.name)
    truth = transform_counts(spots, panel, checkpoint.recipe.transform)
    print("sampler    steps  seconds  spread  " + "  ".join(METRICS[x].heading for x in SHOWN))
    reference = None
    for sampler, steps in (("ancestral", 100 if given.quick else 1000), *ROWS):
        options = PredictOptions(sampler=sampler, steps=steps)
        start = perf_counter()
        drawn = finish(iter_draws(section.slide, spots, checkpoint, options, Compute()))
        with drawn.store as store:
            draws = store.read(n_draws=options.n_draws)
        seconds = perf_counter() - start
        spread = draws.std(axis=0).mean(axis=0)
        reference = spread if reference is None else reference
        found = score(draws, truth, positions(spots), antithetic=True)
        values = "  ".join(f"{found[x]:{len(METRICS[x].heading)}.3f}" for x in SHOWN)
        ratio = np.median(spread[reference > 0] / reference[reference > 0])
        print(f"{sampler:<9} {steps:>6,}  {seconds:7.1f}  {ratio:6.3f}  {values}", flush=True)


if __name__ == "__main__":
    main()
