"""Error of the mean of K draws by where the draws start: plain, antithetic and quasi-random noise.

    python benchmarks/starts.py [--train her2st:C2 her2st:C3 her2st:C4 --test her2st:C5]
        [--device cuda] [--repeats 8]

The default sampler and a checkpoint of the small preset, whose draws start from a number for each
factor and one for the counts of each gene. `error` is the root mean square, over spots and genes,
of how far the mean of K draws varies between repeats, over the same of plain draws with the same
K; 0.5 is worth four times as many draws. `spread` is that of the draws of a repeat, over that of
plain ones.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import torch
from machine import arguments
from sampling import Task, trained_task
from torch import Tensor

from napari_stem.devices import choose_device
from napari_stem.events import Check
from napari_stem.features.compute import Compute
from napari_stem.model.diffusion import Schedule, denoiser
from napari_stem.prediction.options import PredictOptions
from napari_stem.sections.public_data import sample_section
from napari_stem.workers import Workers

if TYPE_CHECKING:
    from numpy.typing import NDArray

Start: TypeAlias = Callable[[int, int, int, int], Tensor]
"""(K, n, d) standard normal numbers of K, n, d and a seed."""


def plain(k: int, n: int, d: int, seed: int) -> Tensor:
    return torch.randn(k, n, d, generator=torch.Generator().manual_seed(seed))


def quasi_random(k: int, n: int, d: int, seed: int) -> Tensor:
    """Scrambled Sobol points, moved round by another vector for each spot."""
    points = torch.quasirandom.SobolEngine(d, scramble=True, seed=seed).draw(k)
    shift = torch.rand(n, d, generator=torch.Generator().manual_seed(seed))
    uniform = (points[:, None].double() + shift) % 1
    return torch.special.ndtri(uniform.clamp(1e-9, 1 - 1e-9)).float()


def antithetic(start: Start, k: int, n: int, d: int, seed: int) -> Tensor:
    half = start((k + 1) // 2, n, d, seed)
    return torch.stack([half, -half], dim=1).flatten(0, 1)[:k]


STARTS: dict[str, Start] = {
    "plain": plain,
    "antithetic (the program's)": partial(antithetic, plain),
    "quasi-random": quasi_random,
    "quasi-random and antithetic": partial(antithetic, quasi_random),
}


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--train", nargs="+", default=["her2st:C2", "her2st:C3", "her2st:C4"])
    parser.add_argument("--test", default="her2st:C5")
    parser.add_argument("--repeats", type=int, default=8)
    given = parser.parse_args()
    known, compute = [sample_section(name) for name in given.train], Compute(device=given.device)
    task = trained_task(known, sample_section(given.test), compute)
    device = choose_device(given.device)
    print("draws  start                         error  spread")
    with Workers(device) as workers:
        for k in (4, 20):
            usual = None
            for name, start in STARTS.items():
                jobs = [partial(moments, task, start, k, i, device) for i in range(given.repeats)]
                done = [each for each in workers.iter_results(jobs) if each is not None]
                means, spreads = (np.stack(each) for each in zip(*done, strict=True))
                found = np.sqrt(means.var(axis=0, ddof=1).mean()), spreads.mean()
                usual = found if usual is None else usual
                error, spread = np.divide(found, usual)
                print(f"{k:>5}  {name:<28} {error:6.3f}  {spread:6.3f}", flush=True)


@torch.no_grad()
def moments(
    task: Task, start: Start, k: int, seed: int, device: torch.device, check: Check
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean and standard deviation (n, c) of K draws."""
    network, readout = task.checkpoint.network.to(device), task.checkpoint.readout.on(device)
    schedule = Schedule(task.checkpoint.recipe.diffusion)
    sampler, steps = PredictOptions().sampler_for(schedule.config)
    condition = torch.from_numpy(task.conditions).to(device)
    n, width = len(condition), network.config.n_genes
    noise = start(k, n, width + readout.n_genes, seed).to(device)
    denoise = denoiser(network, condition, schedule, check)
    draws = []
    for one in noise:
        states = sampler(
            denoise, one[:, :width], sampler.spacing(schedule, steps), torch.randn_like
        )
        x = deque(states, maxlen=1).pop()
        draws.append(readout.values(x, condition, lambda one=one: one[:, width:]).cpu().numpy())
    return np.mean(draws, axis=0), np.std(draws, axis=0)


if __name__ == "__main__":
    main()
