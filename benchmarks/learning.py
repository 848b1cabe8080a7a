"""Held-out quality by optimiser steps: the paper's training settings against faster ones.

    python benchmarks/learning.py [--train her2st:C2 her2st:C3 her2st:C4] [--test her2st:C5]
        [--device cuda]

Both train the same small network of gene values (25 genes a token, 64 wide, two blocks) on the same
spots, in runs of so many steps each. "paper" is its optimiser: a constant learning rate of 1e-4,
averaged weights of 0.9999, and noise as the target; "fast" has a warm-up and a cosine to zero from
2e-3, averages of 0.99, and velocity as the target. The last line tells how many steps the fast
settings need for the best fair CRPS of the paper's, as a share of the paper's steps.
"""

from __future__ import annotations

import tempfile
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

from machine import arguments

from napari_stem.api.training import train
from napari_stem.checkpoints.recipe import Recipe, make_recipe
from napari_stem.evaluation.evaluate import iter_tested
from napari_stem.evaluation.metrics import METRICS
from napari_stem.events import finish
from napari_stem.features.compute import Compute
from napari_stem.genes.panels import hmhvg
from napari_stem.model.diffusion import DiffusionConfig
from napari_stem.model.fit_config import FitConfig
from napari_stem.model.network import NetworkConfig
from napari_stem.sections.public_data import sample_section
from napari_stem.storage import cache_dir

if TYPE_CHECKING:
    from napari_stem.evaluation.metrics import Scores
    from napari_stem.sections.section import Section

SHOWN = ("pcc_50", "mae", "rvd", "fair_crps", "gsc")
PAPER = FitConfig(augmented=0.0)
FAST = FitConfig(learning_rate=2e-3, warmup=50, decay="cosine", ema=0.99, augmented=0.0)
SETTINGS = {
    "paper": (PAPER, DiffusionConfig(), (500, 1000, 2000, 4000)),
    "fast": (FAST, DiffusionConfig(prediction="v"), (100, 200, 400, 800)),
}


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--train", nargs="+", default=["her2st:C2", "her2st:C3", "her2st:C4"])
    parser.add_argument("--test", default="her2st:C5")
    parser.add_argument("--genes", type=int, default=300)
    given = parser.parse_args()
    known, section = [sample_section(name) for name in given.train], sample_section(given.test)
    panel = hmhvg([each.spots for each in known], given.genes)
    print("settings  steps  " + "  ".join(METRICS[name].heading for name in SHOWN))
    crps: dict[str, dict[int, float]] = {}
    for label, (fit, diffusion, lengths) in SETTINGS.items():
        for steps in lengths:
            chosen = recipe_of(panel, replace(fit, steps=steps), diffusion)
            scores = trained_and_tested(known, section, chosen, given.device)
            crps.setdefault(label, {})[steps] = scores["fair_crps"]
            cells = (f"{scores[name]:{len(METRICS[name].heading)}.3f}" for name in SHOWN)
            print(f"{label:<8} {steps:>6,}  " + "  ".join(cells), flush=True)
    paper_steps = min(crps["paper"], key=crps["paper"].__getitem__)
    enough = [n for n, value in crps["fast"].items() if value <= crps["paper"][paper_steps]]
    found = f"{min(enough) / paper_steps:.2f}" if enough else "not reached"
    print(f"steps of the fast settings over the paper's: {found}")


def recipe_of(panel: list[str], fit: FitConfig, diffusion: DiffusionConfig) -> Recipe:
    """Of a network that draws the values of genes."""
    small = make_recipe("small", panel)
    sizes = {"width": 64, "depth": 2, "heads": 4, "genes_per_token": 25}
    network = NetworkConfig(len(panel), small.network.condition_width, **sizes)
    return replace(small, factors=None, network=network, fit=fit, diffusion=diffusion)


def trained_and_tested(
    known: list[Section], section: Section, recipe: Recipe, device: str
) -> Scores:
    compute = Compute(device=device, cache=cache_dir())
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = train(known, recipe, folder, device=device).checkpoint
    with closing(finish(iter_tested(checkpoint, section, recipe.panel, None, compute))) as found:
        return found.scores()


if __name__ == "__main__":
    main()
