"""Evaluations and training steps in bfloat16: how much faster, and how far from float32.

    python benchmarks/precision.py [--device cuda] [--spots 8]

For the network of each preset with random weights: time in float32 over that with `--precision
bf16-mixed`, interleaved, the best of ten; on a CPU it is processor time of one thread, as workers
compute. `change` is the spread of the difference of the outputs over that of the outputs.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import get_args

import torch
from machine import arguments
from torch import Tensor

from napari_stem.checkpoints.recipe import make_recipe
from napari_stem.defaults import Preset
from napari_stem.devices import choose_device
from napari_stem.model.diffusion import Schedule, denoiser, diffusion_loss, random_diffusion
from napari_stem.model.network import StemNetwork

GENES, REPEATS = 300, 10
STEP = 500


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--spots", type=int, default=8)
    given = parser.parse_args()
    device = choose_device(given.device)
    torch.set_num_threads(1)
    for preset in get_args(Preset):
        compare(preset, given.spots, device)


def compare(preset: Preset, spots: int, device: torch.device) -> None:
    """One network, evaluated and trained in both precisions."""
    recipe = make_recipe(preset, [f"GENE{i}" for i in range(GENES)])
    torch.manual_seed(0)
    network = StemNetwork(recipe.network).to(device).eval()  # no dropout, which chance decides
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.02)
    schedule = Schedule(recipe.diffusion)
    x = torch.randn(spots, recipe.network.n_genes, device=device)
    condition = torch.randn(spots, recipe.network.condition_width, device=device)
    t, noise = random_diffusion(x, schedule, torch.Generator(device).manual_seed(0))

    def evaluate(bfloat16: bool) -> Tensor:
        return denoiser(network, condition, schedule, bfloat16=bfloat16)(x, STEP)

    def gradient(bfloat16: bool) -> Tensor:
        with torch.autocast(device.type, torch.bfloat16, enabled=bfloat16):
            loss = diffusion_loss(network, x, condition, schedule, t=t, noise=noise)
        return torch.cat(
            [each.flatten() for each in torch.autograd.grad(loss, list(network.parameters()))]
        )

    for name, work in (("evaluation", evaluate), ("gradient", gradient)):
        single, mixed, change = measured(work, device)
        print(
            f"{preset} {name}: {1e3 * single:.1f} ms, in bfloat16 {1e3 * mixed:.1f} ms; "
            f"{single / mixed:.2f} times as fast; change {change:.4f}",
            flush=True,
        )


def measured(work: Callable[[bool], Tensor], device: torch.device) -> tuple[float, float, float]:
    """Seconds in float32 and in bfloat16, and by how much the second's output differs."""
    outputs = [work(bfloat16) for bfloat16 in (False, True)]
    seconds: tuple[list[float], list[float]] = ([], [])
    for _ in range(REPEATS):
        for bfloat16 in (False, True):
            start = now(device)
            work(bfloat16)
            seconds[bfloat16].append(now(device) - start)
    single, mixed = outputs
    change = (mixed.float() - single.float()).std() / single.float().std()
    return min(seconds[0]), min(seconds[1]), float(change)


def now(device: torch.device) -> float:
    """Of the processor, or of the clock once a GPU has done what it was given."""
    if device.type == "cpu":
        return time.process_time()
    torch.cuda.synchronize()
    return time.perf_counter()


if __name__ == "__main__":
    main()
