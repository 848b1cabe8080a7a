"""How long 10,000 slides take on 1, 8 and 64 GPUs, what they fill, and what holds them up.

    python benchmarks/cohort_simulation.py [--slides 10000] [--gpus 1 8 64] [--help]

Nothing is computed: slides of random size pass through workers as `cohort/` lets them, with one
place to embed and one to draw on each, a GPU that both share, cores that decode patches, and a file
system that all workers share. The rates are assumptions; measure yours with `napari-stem cohort` on
a few slides (seconds by stage are in the manifest) and pass them.
"""

from __future__ import annotations

import argparse
import heapq
from dataclasses import dataclass, fields

import numpy as np


@dataclass(frozen=True)
class Rates:
    """What one worker with one GPU does, and what all share."""

    spots: float = 5_000  # per slide, on average; half of all slides have between 0.6 and 1.3 of it
    genes: int = 300
    draws: int = 20
    width: int = 1024  # numbers per embedding
    cores: int = 8  # per worker
    decode: float = 290  # patches per second and core (benchmarks/RESULTS.md)
    encode: float = 800  # patches per second of the GPU; a ViT-L
    draw: float = 2_000  # draws per second of the GPU
    start: float = 8  # seconds: opening the slide, finding tissue, clusters, writing
    patch_kb: float = 100  # that are read of the slide per patch
    shared_mb: float = 1_000  # per second of the file system, for all workers together


@dataclass(frozen=True)
class Found:
    """Of one number of GPUs: hours, and the share of them in which each part is busy."""

    hours: float
    gpu: float
    cores: float
    shared: float

    @property
    def bottleneck(self) -> str:
        """The part that is busy most of the time."""
        parts = {"GPU": self.gpu, "decoding": self.cores, "file system": self.shared}
        return max(parts, key=parts.__getitem__)


def simulate(spots: np.ndarray, gpus: int, rates: Rates) -> Found:
    """Pass slides through workers in the order in which these become free."""
    workers = [(0.0, number) for number in range(gpus)]
    drawn, device = np.zeros(gpus), np.zeros(gpus)  # when each can draw next; its GPU's next hour
    shared = 0.0  # when the file system is free
    busy = {"gpu": 0.0, "cores": 0.0, "shared": 0.0}
    for n in spots:
        free, worker = heapq.heappop(workers)
        seconds = {
            "shared": n * rates.patch_kb / 1e3 / rates.shared_mb,
            "cores": n / (rates.decode * rates.cores),
            "encode": n / rates.encode,
            "draw": n * rates.draws / rates.draw,
        }
        shared = max(free, shared) + seconds["shared"]
        device[worker] = max(free, device[worker]) + seconds["encode"]
        embedded = max(shared, device[worker], free + seconds["cores"]) + rates.start / 2
        begin = max(embedded, drawn[worker], device[worker])
        device[worker] = begin + seconds["draw"]
        drawn[worker] = device[worker] + rates.start / 2
        # The next one is embedded while this one draws; a third waits for the place to draw.
        heapq.heappush(workers, (max(embedded, begin), worker))
        busy["gpu"] += seconds["encode"] + seconds["draw"]
        busy["cores"] += seconds["cores"]
        busy["shared"] += seconds["shared"]
    end = float(drawn.max())
    return Found(
        end / 3600, busy["gpu"] / end / gpus, busy["cores"] / end / gpus, busy["shared"] / end
    )


def storage_gb(spots: np.ndarray, rates: Rates) -> dict[str, float]:
    """Bytes that a cohort leaves, before compression."""
    n = float(spots.sum())
    return {
        "predictions (mean, SD, two quantiles)": n * rates.genes * 4 * 4 / 1e9,
        "thumbnails in them": len(spots) * 3e6 / 1e9,
        "draws, if all are kept": n * rates.genes * rates.draws * 2 / 1e9,
        "embeddings, if all are kept": n * rates.width * 4 / 1e9,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--slides", type=int, default=10_000)
    parser.add_argument("--gpus", type=int, nargs="+", default=[1, 8, 64])
    for field in fields(Rates):
        parser.add_argument(f"--{field.name.replace('_', '-')}", type=float, default=field.default)
    given = vars(parser.parse_args())
    rates = Rates(**{field.name: given[field.name] for field in fields(Rates)})
    spots = np.random.default_rng(0).lognormal(np.log(rates.spots) - 0.18, 0.6, given["slides"])
    print(f"{len(spots):,} slides, {spots.sum() / 1e6:.0f} million spots")
    print("| GPUs | hours | slides/h | GPU | decoding | file system | bottleneck |")
    print("|---|---|---|---|---|---|---|")
    for gpus in given["gpus"]:
        found = simulate(spots, gpus, rates)
        shares = f"{found.gpu:.0%} | {found.cores:.0%} | {found.shared:.0%}"
        print(f"| {gpus} | {found.hours:,.0f} | {len(spots) / found.hours:,.0f} | {shares} | "
              f"{found.bottleneck} |")  # fmt: skip
    for what, size in storage_gb(spots, rates).items():
        print(f"{what}: {size:,.0f} GB")


if __name__ == "__main__":
    main()
