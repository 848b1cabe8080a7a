"""Patches a second: reading alone, describing alone, and both with reading ahead.

    python benchmarks/embedding.py [--spots 400] [--device cuda]

`overlap` is the slower of the two over both together. On a GPU it is at best 1; on a CPU both
compete for its cores, so that `cores` tells more: the processor time of the two alone, over that of
the cores while both run.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from machine import arguments

from napari_stem.api.predicting import embed
from napari_stem.features.encoders.builders import build_encoder
from napari_stem.features.encoders.registry import find_encoder
from napari_stem.features.patches import PHYSICAL, crop_patches
from napari_stem.sections.synthetic import generate_section
from napari_stem.spots.grid import make_grid
from napari_stem.spots.table import positions
from napari_stem.workers import Check, Workers, usual_threads


def seconds(work: Callable[[], object]) -> tuple[float, float]:
    """Of the clock, and of the processor."""
    start, used = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - start, time.process_time() - used


def described(module: torch.nn.Module, patches: torch.Tensor, device: str) -> None:
    """On workers, as the package does it."""

    def describe(part: torch.Tensor, check: Check) -> torch.Tensor:
        check()
        return module(part.to(device)).cpu()

    with Workers(torch.device(device)) as workers:
        jobs = (partial(describe, part) for part in torch.split(patches, 64))
        for _ in workers.iter_results(jobs):
            pass


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--spots", type=int, default=400)
    given = parser.parse_args()
    n, device = given.spots, given.device
    slide = generate_section("benchmark", seed=0).slide
    spots = make_grid(slide, pitch_um=1000 / np.sqrt(n), on_tissue=False, layout="square")
    encoder = find_encoder("morphology")
    module = build_encoder(encoder).to(device)
    centres = positions(spots)
    fields = [PHYSICAL.widened(field) for field in encoder.fields]
    patches = [torch.from_numpy(crop_patches(slide, centres, field)) for field in fields]
    module(patches[0][:8].to(device))  # the first call prepares kernels
    reading = seconds(lambda: [crop_patches(slide, centres, field) for field in fields])
    describing = seconds(lambda: described(module, torch.cat(patches), device))
    both = seconds(lambda: embed(slide, spots, encoder, cache=False, device=device))
    print(f"{len(centres)} spots, {len(fields)} fields each, {usual_threads()} workers")
    for name, (taken, used) in (("reading", reading), ("describing", describing), ("both", both)):
        print(f"{name:>10}: {len(centres) / taken:7.1f} spots/s, {used:5.1f} s of processor time")
    cores = (reading[1] + describing[1]) / (usual_threads() * both[0])
    print(f"overlap: {max(reading, describing)[0] / both[0]:.2f}, cores: {cores:.2f}")


if __name__ == "__main__":
    main()
