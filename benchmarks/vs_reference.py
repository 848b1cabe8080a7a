"""How much faster draws are than by the published sampler, with the same weights.

    python benchmarks/vs_reference.py [--device cuda] [--quick] [--sampler pc] [--distilled 2]

The reference is plain ancestral sampling in all 1,000 steps, written here from the equations (Ho et
al. 2020, algorithm 2), batches of 200 spots in float32, on as many threads as suit it; beside it,
DDIM in 50 steps, uniform in t. Both draw what the package draws for the same spots in the same
process, or with --distilled what a student of the same weights draws. The small preset is trained
and timed as a whole. Of the paper's network a few evaluations are timed, unless --quick, with
random weights: predicting noise as in the paper, and velocity as the other presets do, which takes
fewer evaluations; also as the share of the rate at which the same workers multiply large matrices
in the same run. Libraries are loaded before. As other programs may slow it down, the package draws
before, between and after the references, and the mean counts. The last line is the ratio of the
small preset.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from time import perf_counter

import numpy as np
import torch
from machine import arguments
from torch import Tensor

from napari_stem.api.training import distill, train
from napari_stem.checkpoints.checkpoint import Checkpoint
from napari_stem.checkpoints.recipe import Recipe, make_recipe
from napari_stem.defaults import SAMPLER
from napari_stem.events import Check, finish
from napari_stem.features.compute import Compute
from napari_stem.model.diffusion import Schedule
from napari_stem.model.diffusion_config import Prediction
from napari_stem.model.network import StemNetwork
from napari_stem.model.readout import as_they_are
from napari_stem.model.samplers import SAMPLERS
from napari_stem.prediction.draws import DrawStore
from napari_stem.prediction.options import PredictOptions
from napari_stem.prediction.sampling import iter_sample
from napari_stem.sections.synthetic import generate_section
from napari_stem.workers import Workers

SPOTS, DRAWS, FEW = 200, 20, 4
PAPER_SPOTS, PAPER_EVALUATIONS = 4, 3
GENES = 300


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--sampler", default=SAMPLER, choices=[SAMPLER, *SAMPLERS])
    parser.add_argument("--distilled", type=int, metavar="EVALUATIONS")
    given = parser.parse_args()
    if not given.quick:
        for prediction in ("eps", "v"):
            compare_paper(prediction, given.sampler, given.device)
    draws = FEW if given.quick else DRAWS
    compare_small(draws, given.sampler, given.distilled, given.device)


def compare_small(reference_draws: int, sampler: str, distilled: int | None, device: str) -> None:
    """The small preset from noise to values, trained on a generated section."""
    section = generate_section("reference", seed=0)
    panel = [gene for gene in section.spots.var_names if gene.isupper()]
    with tempfile.TemporaryDirectory() as folder:
        teacher = train(section, make_recipe("small", panel), folder, cache=False).checkpoint
        checkpoint = teacher
        if distilled:
            run = f"{folder}/student"
            found = distill(teacher, section, run, evaluations=distilled, cache=False)
            checkpoint = found.checkpoint
    random = np.random.default_rng(0)
    width = checkpoint.recipe.network.condition_width
    conditions = random.standard_normal((SPOTS, width)).astype(np.float32)
    options = PredictOptions(n_draws=DRAWS, sampler=sampler)
    few = PredictOptions(n_draws=2, sampler=sampler)
    drawn(checkpoint, conditions, 2, few, device)  # loads libraries
    times, draws = [], max(reference_draws, 2)
    found = []
    for name, sample, steps in (("DDIM", ddim, 50), ("ancestral", ancestral, 1000)):
        times.append(drawn(checkpoint, conditions, DRAWS, options, device)[1])
        theirs = by_reference(teacher, conditions, draws, sample, steps, device)
        found.append((name, steps, *theirs))
    ours, seconds = drawn(checkpoint, conditions, DRAWS, options, device)
    rate = SPOTS * DRAWS / np.mean([*times, seconds])
    print(f"small preset, {SPOTS} spots x {DRAWS} draws: {rate:,.0f} spot-draws/s")
    for name, steps, theirs, seconds in found:
        spreads = np.sqrt(ours.var(axis=0).mean(0)), np.sqrt(theirs.var(axis=0, ddof=1).mean(0))
        spread = np.median(spreads[0] / spreads[1])
        error = np.abs(ours.mean(0) - theirs.mean(0)).mean() / spreads[1].mean()
        expected = np.sqrt((1 / DRAWS + 1 / draws) * 2 / np.pi)
        ratio = rate * seconds / (SPOTS * draws)
        print(
            f"{name} of {steps:,} steps, {draws} draws: {SPOTS * draws / seconds:,.0f} "
            f"spot-draws/s; spread of ours over theirs {spread:.2f}; means differ by {error:.2f} "
            f"of a spread, {expected:.2f} by chance; {ratio:.0f} times slower"
        )
    print(f"ratio: {ratio:.0f}")


def compare_paper(prediction: Prediction, sampler: str, device: str) -> None:
    """The paper's network, a few evaluations each; its evaluations follow from what it predicts."""
    recipe = make_recipe("paper", [f"G{i}" for i in range(GENES)])
    recipe = replace(recipe, diffusion=replace(recipe.diffusion, prediction=prediction))
    network = StemNetwork(recipe.network).eval()
    checkpoint = Checkpoint(recipe, network, None, as_they_are(GENES))  # type: ignore[arg-type]
    width = recipe.network.condition_width
    conditions = np.random.default_rng(0).standard_normal((PAPER_SPOTS, width)).astype(np.float32)
    options = PredictOptions(n_draws=1, sampler=sampler)
    before = matrix_rate(device)
    _, ours = drawn(checkpoint, conditions, 1, options, device)
    possible = (before + matrix_rate(device)) / 2
    _, steps = options.sampler_for(recipe.diffusion)
    _, theirs = by_reference(checkpoint, conditions, 1, ancestral, PAPER_EVALUATIONS, device)
    ratio = theirs / PAPER_EVALUATIONS * 1000 / ours
    print(
        f"paper's network, predicting {prediction}, {PAPER_SPOTS} spots: {ours / steps:.2f} s an "
        f"evaluation, theirs {theirs / PAPER_EVALUATIONS:.2f} s; {steps} against 1,000: {ratio:.0f}"
    )
    share = operations(network, PAPER_SPOTS) * steps / ours / possible
    print(f"{share:.0%} of the {possible / 1e9:.0f} GFLOP/s of matrix products")


def operations(network: StemNetwork, n: int) -> float:
    """Of an evaluation for n spots: additions and multiplications in products over tokens."""
    config, tokens = network.config, network.config.n_tokens
    linear = (4 + 2 * config.mlp_ratio) * config.width**2
    attention = 2 * tokens * config.width
    return 2.0 * n * tokens * config.depth * (linear + attention)


def matrix_rate(device: str, repeats: int = 8) -> float:
    """Operations a second of matrix products: one on each core, or larger ones on a GPU."""
    size = 1024 if device == "cpu" else 8192
    one = torch.randn(size, size, device=device)

    def multiply(check: Check) -> None:
        for _ in range(repeats):
            last = one @ one
        last[0, 0].item()  # waits for the device

    with Workers(torch.device(device)) as workers:
        jobs = [multiply] * (2 * workers.number)
        list(workers.iter_results(jobs))  # starts the threads
        start = perf_counter()
        list(workers.iter_results(jobs))
        return 2 * size**3 * repeats * len(jobs) / (perf_counter() - start)


def drawn(
    checkpoint: Checkpoint,
    conditions: np.ndarray,
    n_draws: int,
    options: PredictOptions,
    device: str,
) -> tuple[np.ndarray, float]:
    """(K, n, c) draws of this package, and the seconds that they took."""
    recipe, n = checkpoint.recipe, len(conditions)
    positions = np.stack([np.arange(n) * 100.0, np.zeros(n)], axis=1)
    sizes = {"n_draws": n_draws, "n_spots": n, "n_genes": len(recipe.panel)}
    with DrawStore.create(None, key="reference", **sizes) as store:
        start = perf_counter()
        finish(
            iter_sample(
                checkpoint.network, Schedule(recipe.diffusion), conditions, positions, store,
                options, Compute(device=device), readout=checkpoint.readout,
            )
        )  # fmt: skip
        return store.read(), perf_counter() - start


Sample = Callable[[Recipe, StemNetwork, Tensor, int], Tensor]


@torch.no_grad()
def by_reference(
    checkpoint: Checkpoint,
    conditions: np.ndarray,
    n_draws: int,
    sample: Sample,
    steps: int,
    device: str,
) -> tuple[np.ndarray, float]:
    """(K, n, c) draws of a reference, and the seconds that they took."""
    condition = torch.from_numpy(conditions).to(device)
    network, readout = checkpoint.network.to(device), checkpoint.readout.on(torch.device(device))
    torch.manual_seed(0)
    torch.set_num_threads(best_threads(network, condition))
    start = perf_counter()
    values = []
    for _ in range(n_draws):
        x = sample(checkpoint.recipe, network, condition, steps)
        noise = torch.randn(len(x), readout.n_genes, device=device)
        found = readout.values(x, condition, lambda noise=noise: noise)
        values.append(found.cpu().numpy())
    return np.stack(values), perf_counter() - start


def ancestral(recipe: Recipe, network: StemNetwork, condition: Tensor, steps: int) -> Tensor:
    """The last `steps` of ancestral sampling; all of them are the paper's sampler."""
    beta, alpha_bar = _schedule(recipe)
    x = torch.randn(len(condition), recipe.network.n_genes, device=condition.device)
    for t in reversed(range(steps)):
        eps = _eps(recipe, network, x, t, condition, alpha_bar[t])
        x = (x - beta[t] / (1 - alpha_bar[t]).sqrt() * eps) / (1 - beta[t]).sqrt()
        if t:
            variance = (1 - alpha_bar[t - 1]) / (1 - alpha_bar[t]) * beta[t]
            x = x + variance.sqrt() * torch.randn_like(x)
    return x


def ddim(recipe: Recipe, network: StemNetwork, condition: Tensor, steps: int) -> Tensor:
    """DDIM without noise (Song et al. 2021), uniform in t."""
    _, alpha_bar = _schedule(recipe)
    x = torch.randn(len(condition), recipe.network.n_genes, device=condition.device)
    times = torch.linspace(len(alpha_bar) - 1, 0, steps).long().tolist()
    for t, after in zip(times, [*times[1:], None], strict=True):
        eps = _eps(recipe, network, x, t, condition, alpha_bar[t])
        x_start = (x - (1 - alpha_bar[t]).sqrt() * eps) / alpha_bar[t].sqrt()
        left = torch.ones(()) if after is None else alpha_bar[after]
        x = left.sqrt() * x_start + (1 - left).sqrt() * eps
    return x


def best_threads(network: StemNetwork, condition: Tensor) -> int:
    """As many threads as are fastest for an evaluation of the reference's batch."""
    x = torch.zeros(len(condition), network.config.n_genes, device=condition.device)
    t = torch.zeros(len(condition), dtype=torch.long, device=condition.device)
    seconds = {}
    for threads in {1, torch.get_num_threads(), torch.multiprocessing.cpu_count()}:
        torch.set_num_threads(threads)
        network(x, t, condition)
        start = perf_counter()
        network(x, t, condition)
        seconds[threads] = perf_counter() - start
    return min(seconds, key=seconds.__getitem__)


def _schedule(recipe: Recipe) -> tuple[Tensor, Tensor]:
    config = recipe.diffusion
    beta = torch.linspace(config.beta_min, config.beta_max, config.steps, dtype=torch.float64)
    return beta.float(), torch.cumprod(1 - beta, 0).float()


def _eps(
    recipe: Recipe, network: StemNetwork, x: Tensor, t: int, condition: Tensor, alpha_bar: Tensor
) -> Tensor:
    """The noise, which the network predicts itself or as part of the velocity."""
    out = network(x, torch.full((len(x),), t, device=x.device), condition)
    if recipe.diffusion.prediction == "eps":
        return out
    return alpha_bar.sqrt() * out + (1 - alpha_bar).sqrt() * x


if __name__ == "__main__":
    main()
