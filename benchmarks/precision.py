"""Evaluations and training steps in bfloat16, or compiled: how much faster, and how different.

    python benchmarks/precision.py [--compile] [--device cuda] [--spots 8]

For the network of each preset with random weights: time in float32 over that with `--precision
bf16-mixed`, or with --compile, interleaved, the best of ten; on a CPU it is processor time of one
thread, as workers compute. The first passes, which compile, do not count. `change` is the spread of
the difference of the outputs over that of the outputs.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from copy import deepcopy
from typing import get_args

import torch
from machine import arguments
from torch import Tensor

from napari_stem.checkpoints.recipe import make_recipe
from napari_stem.defaults import Preset
from napari_stem.devices import choose_device
from napari_stem.model.compiling import compile_blocks
from napari_stem.model.diffusion import Schedule, denoiser, diffusion_loss, random_diffusion
from napari_stem.model.network import StemNetwork

GENES, REPEATS = 300, 10
STEP = 500


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--spots", type=int, default=8)
    parser.add_argument("--compile", action="store_true")
    given = parser.parse_args()
    device = choose_device(given.device)
    torch.set_num_threads(1)
    for preset in get_args(Preset):
        compare(preset, given.spots, device, compiled=given.compile)


def compare(preset: Preset, spots: int, device: torch.device, *, compiled: bool) -> None:
    """One network, evaluated and trained as it is, and compiled or in bfloat16."""
    recipe = make_recipe(preset, [f"GENE{i}" for i in range(GENES)])
    torch.manual_seed(0)
    network = StemNetwork(recipe.network).to(device).eval()  # no dropout, which chance decides
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.02)
    other = compile_blocks(deepcopy(network)) if compiled else network
    schedule = Schedule(recipe.diffusion)
    x = torch.randn(spots, recipe.network.n_genes, device=device)
    condition = torch.randn(spots, recipe.network.condition_width, device=device)
    t, noise = random_diffusion(x, schedule, torch.Generator(device).manual_seed(0))

    def evaluate(changed: bool) -> Tensor:
        used, bfloat16 = (other if changed else network), changed and not compiled
        return denoiser(used, condition, schedule, bfloat16=bfloat16)(x, STEP)

    def gradient(changed: bool) -> Tensor:
        used, bfloat16 = (other if changed else network), changed and not compiled
        with torch.autocast(device.type, torch.bfloat16, enabled=bfloat16):
            loss = diffusion_loss(used, x, condition, schedule, t=t, noise=noise)
        return torch.cat(
            [each.flatten() for each in torch.autograd.grad(loss, list(used.parameters()))]
        )

    for name, work in (("evaluation", evaluate), ("gradient", gradient)):
        plain, changed, change = measured(work, device)
        how = "compiled" if compiled else "in bfloat16"
        print(
            f"{preset} {name}: {1e3 * plain:.1f} ms, {how} {1e3 * changed:.1f} ms; "
            f"{plain / changed:.2f} times as fast; change {change:.2g}",
            flush=True,
        )


def measured(work: Callable[[bool], Tensor], device: torch.device) -> tuple[float, float, float]:
    """Seconds of both kinds of work, and by how much the second's output differs."""
    outputs = [work(changed) for changed in (False, True)]
    seconds: tuple[list[float], list[float]] = ([], [])
    for _ in range(REPEATS):
        for changed in (False, True):
            start = now(device)
            work(changed)
            seconds[changed].append(now(device) - start)
    one, other = (output.float() for output in outputs)
    change = (other - one).std() / one.std()
    return min(seconds[0]), min(seconds[1]), float(change)


def now(device: torch.device) -> float:
    """Of the processor, or of the clock once a GPU has done what it was given."""
    if device.type == "cpu":
        return time.process_time()
    torch.cuda.synchronize()
    return time.perf_counter()


if __name__ == "__main__":
    main()
