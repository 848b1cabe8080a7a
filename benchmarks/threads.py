"""How much slower small networks are on all threads than on those that `threads_for` chooses."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from time import perf_counter

import torch

from napari_stem.checkpoints.recipe import make_recipe
from napari_stem.devices import threads_for
from napari_stem.model.network import StemNetwork

SPOTS = 128
SECONDS = 5.0


def main() -> None:
    print(f"{os.cpu_count()} cores; ms for a pass of {SPOTS} spots: chosen threads, all threads")
    for busy in (0, 1):
        with busy_processes(busy):
            for n_genes in (8, 41, 300):
                network = small_network(n_genes)
                with threads_for(network.multiplications(SPOTS)):
                    chosen = milliseconds(network)
                torch.set_num_threads(os.cpu_count() or 1)
                every = milliseconds(network)
                print(
                    f"{busy} busy processes, {n_genes} genes: "
                    f"{chosen:.1f} {every:.1f}, ratio {every / chosen:.1f}"
                )


@contextmanager
def busy_processes(number: int) -> Iterator[None]:
    with ExitStack() as stack:
        for _ in range(number):
            process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
            stack.callback(process.kill)
        yield


def small_network(n_genes: int) -> StemNetwork:
    recipe = make_recipe("small", tuple(f"gene{number}" for number in range(n_genes)))
    return StemNetwork(recipe.network).eval()


@torch.no_grad()
def milliseconds(network: StemNetwork) -> float:
    """Of one pass, the mean of some seconds."""
    config = network.config
    x, condition = torch.randn(SPOTS, config.n_genes), torch.randn(SPOTS, config.condition_width)
    t = torch.randint(1000, (SPOTS,))
    network(x, t, condition)
    passes, start = 0, perf_counter()
    while perf_counter() - start < SECONDS:
        network(x, t, condition)
        passes += 1
    return 1000 * (perf_counter() - start) / passes


if __name__ == "__main__":
    main()
