"""Patches a second: reading alone, describing alone, and both with reading ahead.

    python benchmarks/embedding.py [--spots 400] [--readers 2] [--device cuda] [--bfloat16]
    python benchmarks/embedding.py --random h-optimus-0 --spots 2

`overlap` is the slower of the two over both together. On a GPU it is at best 1; on a CPU both
compete for its cores, so that `cores` tells more: the processor time of the two alone, over that of
the cores while both run.

With `--random`, a network of that entry of the registry, or `timm:NAME`, with random weights stands
for the encoder, so that no weights are needed. The last line is then its share of the rate at which
the same device multiplies large matrices in the same run.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from machine import arguments
from numpy.typing import NDArray
from torch.utils.flop_counter import FlopCounterMode

from napari_stem.devices import choose_device
from napari_stem.events import Check, finish
from napari_stem.features.compute import Compute
from napari_stem.features.describing import Describing
from napari_stem.features.embed import iter_embed, iter_load
from napari_stem.features.encoders.builders import make_network
from napari_stem.features.encoders.entry import Encoder
from napari_stem.features.encoders.registry import find_encoder
from napari_stem.features.patches import PHYSICAL, crop_patches
from napari_stem.sections.synthetic import generate_section
from napari_stem.spots.grid import make_grid
from napari_stem.spots.table import positions
from napari_stem.workers import Workers

BATCH = 64
SIDE, PRODUCTS = {"cpu": 2048, "cuda": 8192}, 8  # of the matrices that a worker multiplies


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--spots", type=int, default=400)
    parser.add_argument("--readers", type=int, default=2)
    parser.add_argument("--random", metavar="ENCODER", help="an encoder with random weights")
    parser.add_argument("--bfloat16", action="store_true", help="as with --precision bf16-mixed")
    given = parser.parse_args()
    slide = generate_section("benchmark", seed=0).slide
    pitch = 1000 / np.sqrt(given.spots)
    spots = make_grid(slide, pitch_um=pitch, on_tissue=False, layout="square")[: given.spots]
    encoder = find_encoder(given.random or "morphology")
    if given.random:
        encoder = replace(encoder, build=make_network(encoder))
    compute, device = (
        Compute(readers=given.readers, device=given.device),
        choose_device(given.device),
    )
    module, centres = finish(iter_load(encoder, compute)), positions(spots)

    def read() -> list[NDArray[np.uint8]]:
        fields = (PHYSICAL.widened(field) for field in encoder.fields)
        return [crop_patches(slide, centres, field) for field in fields]

    patches = np.concatenate(read())
    bfloat16 = given.bfloat16 and encoder.source != "built-in"
    described(encoder, module, patches[:8], device, bfloat16)  # the first call prepares kernels
    reading, describing, both = (
        seconds(work)
        for work in (
            read,
            lambda: described(encoder, module, patches, device, bfloat16),
            lambda: finish(
                iter_embed(slide, spots, [encoder], PHYSICAL, bfloat16=bfloat16, compute=compute)
            ),
        )
    )
    with Workers(device) as workers:
        number = workers.number
    print(f"{len(centres)} spots, {len(encoder.fields)} fields each, {number} workers, {device}")
    for name, (taken, used) in (("reading", reading), ("describing", describing), ("both", both)):
        print(f"{name:>10}: {len(centres) / taken:7.1f} spots/s, {used:5.1f} s of processor time")
    cores = (reading[1] + describing[1]) / (number * both[0])
    print(f"overlap: {max(reading, describing)[0] / both[0]:.2f}, cores: {cores:.2f}")
    if given.random:
        rate = operations(encoder) * len(patches) / describing[0]
        best = product_rate(device, encoder, bfloat16)
        print(f"{rate / 1e12:.3f} TFLOP/s; share of matrix products: {rate / best:.2f}")


def seconds(work: Callable[[], object]) -> tuple[float, float]:
    """Of the clock, and of the processor."""
    start, used = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - start, time.process_time() - used


def described(
    encoder: Encoder,
    module: torch.nn.Module,
    patches: NDArray[np.uint8],
    device: torch.device,
    bfloat16: bool = False,
) -> None:
    """On workers, as the package does it."""
    describe = Describing(encoder, module, device, (0,), BATCH, bfloat16=bfloat16)
    n = len(patches)
    with Workers(device) as workers:
        size = min(BATCH, math.ceil(n / workers.number))
        parts = (slice(start, start + size) for start in range(0, n, size))
        jobs = (partial(describe, np.arange(n)[part], patches[part]) for part in parts)
        for _ in workers.iter_results(jobs):
            pass


def operations(encoder: Encoder) -> int:
    """Floating-point operations for a patch, counted without computing any."""
    with torch.device("meta"), torch.no_grad(), FlopCounterMode(display=False) as counter:
        network = make_network(encoder)
        network.forward_features(torch.empty(1, 3, encoder.input.size, encoder.input.size))  # type: ignore[operator]
    return counter.get_total_flops()


def product_rate(device: torch.device, encoder: Encoder, bfloat16: bool) -> float:
    """Operations a second of large products in the encoder's precision, a worker for each core."""
    dtype = torch.bfloat16 if bfloat16 else torch.float32
    if encoder.half and device.type == "cuda":
        dtype = torch.float16
    side = SIDE[device.type]
    matrix = torch.randn(side, side, device=device, dtype=dtype)

    def multiply(check: Check) -> float:
        return sum(float((matrix @ matrix)[0, 0]) for _ in range(PRODUCTS))

    with Workers(device) as workers:
        jobs = [multiply] * workers.number
        taken, _ = seconds(lambda: list(workers.iter_results(jobs)))
        return 2 * side**3 * PRODUCTS * workers.number / taken


if __name__ == "__main__":
    main()
