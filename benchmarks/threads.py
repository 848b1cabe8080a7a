"""How well training, drawing and encoding share a machine with other busy processes.

    python benchmarks/threads.py [--quick]

Seconds for steps of training, for draws of the small preset and for patches of the built-in
encoder, idle and beside as many busy processes as there are cores. "Beside one thread" is what all
cores take over what one takes beside the same processes (at most 1: never slower than one thread).
A fair share of the machine would take T_idle / share, with share = cores / (cores + busy
processes); the last line is how many times longer the worst of them takes, with T_idle at the best
number of threads (1 is perfect).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from time import perf_counter

import numpy as np
import torch
from embedding import described

from napari_stem.checkpoints.recipe import make_recipe
from napari_stem.events import finish
from napari_stem.features.compute import Compute
from napari_stem.features.encoders.builders import build_encoder
from napari_stem.features.encoders.registry import find_encoder
from napari_stem.model.diffusion import Schedule
from napari_stem.model.network import StemNetwork
from napari_stem.prediction.draws import DrawStore
from napari_stem.prediction.options import PredictOptions
from napari_stem.prediction.sampling import iter_sample
from napari_stem.training.examples import Examples
from napari_stem.training.loop import iter_fit

SPOTS, GENES, DRAWS, STEPS, PATCHES = 500, 300, 20, 200, 512
CORES = os.cpu_count() or 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a quarter of the work")
    part = 4 if parser.parse_args().quick else 1
    slower = []
    for name, work in (("training", fit), ("drawing", draw), ("encoding", encode)):
        work(part)  # what is made at the first call
        one, all_cores = (timed(work, part, threads) for threads in (1, CORES))
        with busy_processes(CORES):
            busy_one, busy = (timed(work, part, threads) for threads in (1, CORES))
        slower.append(busy * CORES / (CORES + CORES) / min(one, all_cores))
        print(
            f"{name}: idle {all_cores:.1f} s, on one core {one:.1f} s; beside {CORES} busy "
            f"processes {busy:.1f} s, on one core {busy_one:.1f} s; "
            f"idle speed-up {one / all_cores:.2f}, beside one thread {busy / busy_one:.2f}"
        )
    print(f"slowdown beside busy processes: {max(slower):.2f}")


def timed(work: Callable[[int], None], part: int, threads: int) -> float:
    torch.set_num_threads(threads)
    start = perf_counter()
    work(part)
    return perf_counter() - start


def fit(part: int) -> None:
    """Train for some steps on random numbers."""
    recipe = make_recipe("small", genes(), fit={"steps": STEPS // part})
    width = recipe.network.condition_width
    random = torch.Generator().manual_seed(0)
    examples = Examples(
        torch.randn(SPOTS, recipe.network.n_genes, generator=random),
        torch.randn(SPOTS, 1, width, generator=random),
        torch.zeros(width),
    )
    network = StemNetwork(recipe.network)
    finish(iter_fit(network, Schedule(recipe.diffusion), examples, recipe.fit, device="cpu"))


def draw(part: int) -> None:
    """Draw from an untrained network."""
    recipe = make_recipe("small", genes())
    network = StemNetwork(recipe.network).eval()
    width, n_draws = recipe.network.condition_width, max(1, 8 * DRAWS // part)
    conditions = np.zeros((SPOTS, width), np.float32)
    positions = np.stack([np.arange(SPOTS) * 100.0, np.zeros(SPOTS)], axis=1)
    sizes = {"n_draws": n_draws, "n_spots": SPOTS, "n_genes": recipe.network.n_genes}
    with DrawStore.create(None, key="threads", **sizes) as store:
        options, compute = PredictOptions(n_draws=n_draws), Compute(device="cpu")
        finish(
            iter_sample(
                network, Schedule(recipe.diffusion), conditions, positions, store, options, compute
            )
        )


def encode(part: int) -> None:
    """Describe random patches."""
    patches = np.random.default_rng(0).integers(0, 256, (PATCHES // part, 224, 224, 3), np.uint8)
    morphology = find_encoder("morphology")
    described(morphology, build_encoder(morphology), patches, torch.device("cpu"))


def genes() -> tuple[str, ...]:
    return tuple(f"gene{number}" for number in range(GENES))


@contextmanager
def busy_processes(number: int) -> Iterator[None]:
    with ExitStack() as stack:
        for _ in range(number):
            process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
            stack.callback(process.kill)
        yield


if __name__ == "__main__":
    main()
