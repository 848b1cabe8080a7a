"""Metrics and time of samplers by their number of evaluations, on a held-out section.

    python benchmarks/sampling.py [--train her2st:C2 her2st:C3 her2st:C4 --test her2st:C5]
        [--device cuda] [--seeds 3] [--ancestral-seeds 2] [--network small] [--quick]

One checkpoint of the small preset draws all rows, from several seeds each, of which metrics are
means. `spread` is the median over genes of the spread of draws over that of 1,000 ancestral steps.
`chance` is how far a row lies from the first one in 99 of 100 cases if only their seeds differ,
from the differences between the seeds of all rows; a star marks what differs more.
Samplers that the program lacks are in `more_samplers.py`. Any other network has random weights:
its rows tell seconds alone, of a few spots. --quick takes 100 ancestral steps.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np
from machine import arguments
from more_samplers import even_steps, heun, multistep, rho_steps, steps_of_two

from napari_stem.api.training import train
from napari_stem.checkpoints.checkpoint import Checkpoint
from napari_stem.checkpoints.embedding import iter_embed_as
from napari_stem.checkpoints.presets import MODELS
from napari_stem.checkpoints.recipe import make_recipe
from napari_stem.evaluation.metrics import METRICS
from napari_stem.evaluation.scoring import score
from napari_stem.events import finish
from napari_stem.features.compute import Compute
from napari_stem.genes.counts import counted_spots, transform_counts
from napari_stem.genes.panels import hmhvg
from napari_stem.model.diffusion import Schedule
from napari_stem.model.network import StemNetwork
from napari_stem.model.readout import as_they_are
from napari_stem.model.samplers import SAMPLERS, Sampler
from napari_stem.model.steps import angle_steps, log_snr_steps
from napari_stem.prediction.draws import DrawStore
from napari_stem.prediction.options import PredictOptions
from napari_stem.prediction.sampling import iter_sample
from napari_stem.sections.public_data import sample_section
from napari_stem.spots.table import positions

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_stem.model.diffusion_config import DiffusionConfig
    from napari_stem.sections.section import Section

SHOWN = ("pcc_50", "mae", "rvd", "fair_crps", "energy", "coverage_90", "gsc", "ssc")
SPOTS, DRAWS = 4, 2  # of a network with random weights
CHANCE = 2.58  # standard deviations
SPACINGS = {
    "log-SNR": log_snr_steps, "angle": angle_steps, "rho": rho_steps, "even t": even_steps,
}  # fmt: skip
THIRD = Sampler("order 3", "", 0, multistep)
HEUN = Sampler("heun", "", 0, heun, steps_of_two, stochastic=True)
CHURN = replace(HEUN, name="heun, churn", solve=partial(heun, churn=5.0))


def samplers(ancestral_steps: int) -> Iterator[Sampler]:
    """Each with its number of evaluations; the reference first."""
    reference = SAMPLERS["ancestral"]
    yield replace(reference, steps=ancestral_steps)
    for sampler, evaluations in (
        (SAMPLERS["pc"], (4, 6, 8, 10, 20)),
        (SAMPLERS["dpm++"], (6, 10, 20)),
        (THIRD, (6, 10, 20)),
        (SAMPLERS["ddim"], (10, 50)),
        (HEUN, (9, 19)),
        (CHURN, (9, 19)),
        (reference, (50,)),
    ):
        for n in evaluations:
            yield replace(sampler, steps=n)
    for sampler in (SAMPLERS["pc"], SAMPLERS["dpm++"], THIRD, SAMPLERS["ddim"]):
        for name, spacing in SPACINGS.items():
            if spacing is not sampler.spacing:
                label = f"{sampler.name}, {name}"
                yield replace(sampler, name=label, steps=8, spacing=spacing)


@dataclass(frozen=True)
class By(PredictOptions):
    """Options of draws by a sampler that need not be in the program's table."""

    solver: Sampler = SAMPLERS["pc"]

    def sampler_for(self, diffusion: DiffusionConfig) -> tuple[Sampler, int]:
        """That sampler."""
        return self.solver, self.solver.steps


@dataclass(frozen=True)
class Task:
    """What is drawn: by a checkpoint, for conditions of spots at places, and what they measured."""

    checkpoint: Checkpoint
    conditions: NDArray[np.float32]
    places: NDArray[np.float64]
    truth: NDArray[np.float32]

    def draws(self, options: PredictOptions, compute: Compute) -> NDArray[np.float32]:
        """(K, n, c) by the program itself."""
        recipe, n = self.checkpoint.recipe, len(self.places)
        sizes = {"n_draws": options.n_draws, "n_spots": n, "n_genes": len(recipe.panel)}
        with DrawStore.create(None, key="", **sizes) as store:
            drawing = iter_sample(
                self.checkpoint.network, Schedule(recipe.diffusion), self.conditions, self.places,
                store, options, compute, readout=self.checkpoint.readout,
            )  # fmt: skip
            finish(drawing)
            return store.read()


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--train", nargs="+", default=["her2st:C2", "her2st:C3", "her2st:C4"])
    parser.add_argument("--test", default="her2st:C5")
    parser.add_argument("--seeds", type=int, default=3, help="at least 2")
    parser.add_argument("--ancestral-seeds", type=int, default=2)
    parser.add_argument("--network", choices=[*MODELS], default="small")
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    compute = Compute(device=given.device)
    chosen = samplers(100 if given.quick else 1000)
    if given.network != "small":
        time_alone(random_task(given.network), chosen, compute)
        return
    known = [sample_section(name) for name in given.train]
    task = trained_task(known, sample_section(given.test), compute)
    tell_quality(task, chosen, (given.ancestral_seeds, given.seeds), compute)


def trained_task(known: list[Section], section: Section, compute: Compute) -> Task:
    """The small preset, and the spots of a section that it did not see."""
    panel = hmhvg([each.spots for each in known], 300)
    with tempfile.TemporaryDirectory() as folder:
        recipe = make_recipe("small", panel)
        checkpoint = train(known, recipe, folder, device=compute.device).checkpoint
    recipe, spots = checkpoint.recipe, counted_spots(section.spots, panel, section.name)
    embeddings = finish(iter_embed_as(recipe, section.slide, spots, compute=compute))[:, 0]
    conditions = checkpoint.condition.transform(embeddings)
    truth = transform_counts(spots, panel, recipe.transform)
    return Task(checkpoint, conditions, positions(spots), truth)


def random_task(preset: str) -> Task:
    """A network of random weights, and a few spots."""
    genes = 300
    recipe = make_recipe(preset, [f"G{i}" for i in range(genes)])
    if recipe.factors:  # whose readout only training can tell
        recipe = replace(recipe, factors=None, network=replace(recipe.network, n_genes=genes))
    network = StemNetwork(recipe.network).eval()
    checkpoint = Checkpoint(recipe, network, None, as_they_are(genes))  # type: ignore[arg-type]
    width = recipe.network.condition_width
    conditions = np.random.default_rng(0).standard_normal((SPOTS, width)).astype(np.float32)
    places = np.arange(2.0 * SPOTS).reshape(SPOTS, 2)
    return Task(checkpoint, conditions, places, np.zeros((SPOTS, genes), np.float32))


def time_alone(task: Task, chosen: Iterator[Sampler], compute: Compute) -> None:
    print(f"seconds for {SPOTS} spots x {DRAWS} draws")
    for sampler in chosen:
        timed = replace(sampler, steps=min(sampler.steps, 10))
        options = By(n_draws=DRAWS, solver=timed)
        start = perf_counter()
        task.draws(options, compute)
        seconds = (perf_counter() - start) * sampler.steps / timed.steps
        print(f"{sampler.name:<15} {sampler.steps:>6,}  {seconds:7.1f}", flush=True)


def tell_quality(
    task: Task, chosen: Iterator[Sampler], seeds: tuple[int, int], compute: Compute
) -> None:
    """Print the rows, of so many seeds: those of the first row, and of each other."""
    task.draws(By(n_draws=2), compute)  # loads libraries
    headings = ("sampler", "evaluations", "seconds", "spread", *(METRICS[x].heading for x in SHOWN))
    print(in_cells(*headings))
    print(in_cells(*["---"] * len(headings)))
    reference, rows = None, {}
    for sampler in chosen:
        n, start = seeds[bool(rows)], perf_counter()
        drawn = [task.draws(By(seed=seed, solver=sampler), compute) for seed in range(n)]
        seconds = (perf_counter() - start) / n
        spreads = [draws.std(axis=0).mean(axis=0) for draws in drawn]
        reference = np.mean(spreads, axis=0) if reference is None else reference
        varies = reference > 0
        found = [score(draws, task.truth, task.places, antithetic=True) for draws in drawn]
        ratios = [np.median((spread / reference)[varies]) for spread in spreads]
        label = sampler.name, f"{sampler.steps:,}"
        rows[label] = np.array(
            [[ratio, *(x[name] for name in SHOWN)] for ratio, x in zip(ratios, found, strict=True)]
        )  # (seeds, metrics)
        print(in_cells(*label, f"{seconds:.1f}", *rounded(rows[label].mean(axis=0))), flush=True)
    true, *others = rows.values()
    variance = np.mean([found.var(axis=0, ddof=1) for found in others], axis=0)
    chance = CHANCE * np.sqrt(variance * (1 / seeds[0] + 1 / seeds[1]))
    print(in_cells("chance", "", "", *rounded(chance)), end="\n\n")
    for label, found in rows.items():
        apart = found.mean(axis=0) - true.mean(axis=0)
        marks = ["*" if beyond else "" for beyond in np.abs(apart) > chance]
        told = [text + mark for text, mark in zip(rounded(apart), marks, strict=True)]
        print(in_cells(*label, "", *told))


def in_cells(*texts: str) -> str:
    """A row of a table in Markdown."""
    return f"| {' | '.join(texts)} |"


def rounded(values: NDArray[np.float64]) -> list[str]:
    return [f"{value:.4f}" for value in values]


if __name__ == "__main__":
    main()
