"""Held-out quality by optimiser steps: the paper's training settings against faster ones.

    python benchmarks/learning.py [--train her2st:C2 her2st:C3 her2st:C4] [--test her2st:C5]
                                  [--try fast min-snr] [--device cuda]

All train the same small network of gene values (25 genes a token, 64 wide, two blocks) on the same
spots, in runs of so many steps each. "paper" is its optimiser: a constant learning rate of 1e-4,
averaged weights of 0.9999, and noise as the target; "fast" has a warm-up and a cosine to zero from
2e-3, averages of 0.99, and velocity as the target. The others differ from "fast" in one thing: the
target ("noise"), the batch ("batch-64"), or the weight of a timestep in the loss, by which it is
drawn: the clipped signal-to-noise ratio of Hang et al. 2023 ("min-snr"), and the logit-normal
density of Esser et al. 2024 ("logit-normal"). The last lines tell how many steps each needs for
the best fair CRPS of the paper's settings, as a share of their steps.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from unittest.mock import patch

import torch
from machine import arguments
from torch import Tensor

from napari_stem.api.training import train
from napari_stem.checkpoints.recipe import Recipe, make_recipe
from napari_stem.evaluation.evaluate import iter_tested
from napari_stem.evaluation.metrics import METRICS
from napari_stem.events import finish
from napari_stem.features.compute import Compute
from napari_stem.genes.panels import hmhvg
from napari_stem.model.diffusion import DiffusionConfig, Schedule, random_diffusion
from napari_stem.model.fit_config import FitConfig
from napari_stem.model.network import NetworkConfig
from napari_stem.sections.public_data import sample_section
from napari_stem.storage import cache_dir
from napari_stem.training import fit_state

if TYPE_CHECKING:
    from napari_stem.evaluation.metrics import Scores
    from napari_stem.sections.section import Section

SHOWN = ("pcc_50", "mae", "rvd", "fair_crps", "gsc")
MOST_SNR = 5.0  # as published


@dataclass(frozen=True)
class Setting:
    """How a network is trained, in runs of so many steps.

    Attributes
    ----------
    weights
        (T,) of timesteps in the loss; all weigh the same without it.
    """

    fit: FitConfig
    diffusion: DiffusionConfig
    lengths: tuple[int, ...]
    weights: Callable[[Schedule], Tensor] | None = None


def min_snr(schedule: Schedule) -> Tensor:
    """Weights of the squared error of a velocity, whose own weight of x_start is SNR + 1."""
    snr = schedule.log_snr.exp()
    return snr.clamp(max=MOST_SNR) / (snr + 1)


def logit_normal(schedule: Schedule) -> Tensor:
    """The density of a timestep t, where the logit of t / T is standard normal."""
    share = (torch.arange(schedule.steps, dtype=torch.float64) + 0.5) / schedule.steps
    return torch.exp(-torch.logit(share).square() / 2) / (share * (1 - share))


FAST = Setting(
    FitConfig(learning_rate=2e-3, warmup=50, decay="cosine", ema=0.99, augmented=0.0),
    DiffusionConfig(prediction="v"),
    (100, 200, 400, 800),
)
SETTINGS = {
    "paper": Setting(FitConfig(augmented=0.0), DiffusionConfig(), (500, 1000, 2000, 4000)),
    "fast": FAST,
    "noise": replace(FAST, diffusion=DiffusionConfig()),
    "batch-64": replace(FAST, fit=replace(FAST.fit, batch_size=64)),
    "min-snr": replace(FAST, weights=min_snr),
    "logit-normal": replace(FAST, weights=logit_normal),
}


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--train", nargs="+", default=["her2st:C2", "her2st:C3", "her2st:C4"])
    parser.add_argument("--test", default="her2st:C5")
    parser.add_argument("--genes", type=int, default=300)
    parser.add_argument("--try", dest="tried", nargs="+", choices=SETTINGS, default=[*SETTINGS])
    given = parser.parse_args()
    known, section = [sample_section(name) for name in given.train], sample_section(given.test)
    panel = hmhvg([each.spots for each in known], given.genes)
    print("| settings | steps |", " | ".join(METRICS[name].heading for name in SHOWN), "|")
    print("|---" * (2 + len(SHOWN)), "|", sep="")
    crps: dict[str, dict[int, float]] = {}
    for label in given.tried:
        setting = SETTINGS[label]
        for steps in setting.lengths:
            chosen = recipe_of(panel, replace(setting.fit, steps=steps), setting.diffusion)
            with weighted(setting.weights):
                scores = trained_and_tested(known, section, chosen, given.device)
            crps.setdefault(label, {})[steps] = scores["fair_crps"]
            cells = [label, f"{steps:,}", *(METRICS[name].text(scores[name]) for name in SHOWN)]
            print("|", " | ".join(cells), "|", flush=True)
    paper = crps.pop("paper", {})
    if paper:
        paper_steps = min(paper, key=paper.__getitem__)
        for label, found in crps.items():
            enough = [n for n, value in found.items() if value <= paper[paper_steps]]
            share = f"{min(enough) / paper_steps:.2f}" if enough else "not reached"
            print(f"steps of {label} over the paper's: {share}")


@contextmanager
def weighted(weights: Callable[[Schedule], Tensor] | None) -> Iterator[None]:
    """Within, a timestep is drawn as often as it weighs, which weights the mean loss."""

    def drawn(
        x_start: Tensor, schedule: Schedule, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        t, noise = random_diffusion(x_start, schedule, generator)
        if weights is not None:
            chances = weights(schedule).to(t.device)
            t = torch.multinomial(chances, len(t), replacement=True, generator=generator)
        return t, noise

    with patch.object(fit_state, "random_diffusion", drawn):
        yield


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
