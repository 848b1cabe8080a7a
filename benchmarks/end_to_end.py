"""Seconds and peak memory of each stage from a slide to a written prediction, by number of spots.

    python benchmarks/end_to_end.py [--sizes 500 5000 50000 500000] [--draws 20] [--genes 300]
        [--distilled 2] [--random timm:test_vit] [--device cuda] [--quick]

A network of the small preset, trained for a few steps, predicts a generated slide at so many spots,
however close together; time does not depend on the weights. Each size runs in a process of its own.
Beside the seconds of a stage stands the most memory that the process and its children held in it
(Linux, looked at ten times a second), without the pages of mapped files: a system takes these back
when it needs them, unless the temporary folder lies in memory. `resident` counts them, too, and
`device` is the memory of a GPU. `reading` reads the patches of all spots alone; `encoding` reads
them again, while it computes.
`first heatmap` is the time from opening the slide to the first preview, and `whole` that to the
written file, both without `reading`. `processor` is the time of all cores for the whole, which
other busy programs hardly change. The last line compares it per spot of the largest and the
smallest size: 1 or less is linear time. With --distilled, the network draws with so many
evaluations, as a distilled one does; with --random, an encoder with random weights describes
patches, such as a tiny one that leaves the other stages to be measured at many spots.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from time import perf_counter, sleep

import numpy as np
import psutil
import torch
from machine import arguments
from safetensors.torch import save_file

from napari_stem.api.results import find_clusters
from napari_stem.api.training import distill, train
from napari_stem.checkpoints.checkpoint import load_checkpoint
from napari_stem.checkpoints.embedding import iter_embed_as
from napari_stem.checkpoints.recipe import make_recipe
from napari_stem.events import Event, Partial, finish
from napari_stem.exports.registry import write_prediction
from napari_stem.features.compute import Compute
from napari_stem.features.encoders.builders import make_network
from napari_stem.features.encoders.registry import find_encoder
from napari_stem.features.patches import iter_patches
from napari_stem.prediction.options import PredictOptions
from napari_stem.prediction.predict import iter_draws, iter_summarise
from napari_stem.sections.synthetic import generate_section
from napari_stem.slides.slide import Slide
from napari_stem.slides.tissue import tissue_mask
from napari_stem.spots.grid import make_grid
from napari_stem.spots.table import positions, spot_diameter

SIDE_UM = 1000  # of the generated slide
STAGES = (
    "opening", "tissue", "reading", "encoding", "drawing", "summarising", "clustering", "writing",
)  # fmt: skip


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[500, 5000, 50_000, 500_000])
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--genes", type=int, default=300)
    parser.add_argument("--distilled", type=int, metavar="EVALUATIONS")
    parser.add_argument("--random", metavar="ENCODER")
    parser.add_argument("--quick", action="store_true", help="150 and 600 spots, 4 draws")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)  # a folder, a number of spots
    given = parser.parse_args()
    sizes, draws = ([150, 600], 4) if given.quick else (sorted(given.sizes), given.draws)
    if given.one:
        folder, n = Path(given.one[0]), int(given.one[1])
        print(json.dumps(measured(folder, n, given.draws, given.device, given.random)))
        return
    columns = (*STAGES, "first heatmap", "whole", "processor", "resident", "device")
    print("   spots  " + "  ".join(f"{stage:>17}" for stage in columns))
    each = []
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder), given.genes, given.distilled, given.random)
        for n in sizes:
            row = in_a_process(folder, n, draws, given.device, given.random)
            each.append(row["processor"][0] / row["spots"][0])
            cells = (f"{s:7.1f} s {mb:5.0f} MB" for name, (s, mb) in row.items() if name != "spots")
            print(f"{row['spots'][0]:8,.0f}  " + "  ".join(cells), flush=True)
    print(f"processor time per spot, largest over smallest: {each[-1] / each[0]:.2f}")


def prepare(folder: Path, n_genes: int, distilled: int | None, random: str | None) -> None:
    """A checkpoint, the slide as a file, and weights of the encoder if they are random."""
    encoders, files = (random or "morphology"), files_of(random, folder)
    for path in files.values():
        save_file(make_network(find_encoder(encoders)).state_dict(), path)
    section = generate_section("end", seed=0)
    spots = section.spots[:, np.arange(n_genes) % section.spots.n_vars].copy()
    panel = [f"GENE{i}" for i in range(n_genes)]
    spots.var_names = panel
    section = replace(section, spots=spots)
    recipe = make_recipe("small", panel, encoders=encoders, fit={"steps": 20})
    options = {"cache": False, "weights": files}
    checkpoint = train(section, recipe, folder / "run", **options).checkpoint
    if distilled:
        run = folder / "student"
        fit = {"steps": 1}
        distill(checkpoint, section, run, evaluations=distilled, fit=fit, **options)
    slide = section.slide
    np.save(folder / "slide.npy", slide.read_region(0, 0, slide.width, slide.height))
    (folder / "mpp").write_text(str(slide.mpp))


class Memory:
    """Looks at what this process and its children hold, for as long as the process lives."""

    def __init__(self) -> None:
        self._own, self._lock, self._peak = psutil.Process(), threading.Lock(), 0.0
        threading.Thread(target=self._watch, daemon=True).start()

    def peak(self) -> float:
        """The most megabytes since this was asked last."""
        with self._lock:
            found, self._peak = max(self._peak, self._held()), 0.0
        return found

    def _watch(self) -> None:
        while True:
            with self._lock:
                self._peak = max(self._peak, self._held())
            sleep(0.1)

    def _held(self) -> float:
        held = 0
        for process in (self._own, *self._own.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                found = process.memory_info()
                held += found.rss - found.shared
        return held / 2**20


def files_of(random: str | None, folder: Path) -> dict[str, Path]:
    return {random: folder / "weights.safetensors"} if random else {}


def in_a_process(
    folder: str, n: int, draws: int, device: str, random: str | None
) -> dict[str, tuple[float, float]]:
    command = [sys.executable, __file__, "--one", folder, str(n), "--draws", str(draws)]
    command += ["--device", device, *(["--random", random] if random else [])]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def measured(
    folder: Path, n: int, n_draws: int, device: str, random: str | None
) -> dict[str, tuple[float, float]]:
    """(seconds, peak megabytes) of each stage, and the spots there were."""
    found: dict[str, tuple[float, float]] = {}
    memory = Memory()

    @contextmanager
    def stage(name: str) -> Iterator[None]:
        start = perf_counter()
        memory.peak()
        yield
        found[name] = (perf_counter() - start, memory.peak())

    checkpoint = load_checkpoint(max(folder.glob("*/*.safetensors")))  # the student, if there is
    recipe, cache, files = checkpoint.recipe, folder / f"cache-{n}", files_of(random, folder)
    compute = Compute(device=device, cache=cache, weights=files)
    options, first = PredictOptions(n_draws=n_draws), list[float]()
    start, used = perf_counter(), processor_seconds()
    with stage("opening"):
        mpp = float((folder / "mpp").read_text())
        slide = Slide.from_array(np.load(folder / "slide.npy"), mpp=mpp)
    with stage("tissue"):
        tissue_mask(slide)
        pitch = SIDE_UM / np.sqrt(n)
        spots = make_grid(slide, pitch_um=pitch, on_tissue=False, layout="square")
    before = processor_seconds()
    with stage("reading"):
        for encoder in recipe.encoders:
            for field in encoder.fields:
                patches = iter_patches(
                    slide, positions(spots), recipe.geometry.widened(field),
                    batch_size=compute.patch_batch_size, spot_diameter_px=spot_diameter(spots),
                )  # fmt: skip
                for _ in patches:
                    pass
    used += processor_seconds() - before
    with stage("encoding"):
        finish(iter_embed_as(recipe, slide, spots, compute=compute))

    def look(event: Event) -> None:
        if isinstance(event, Partial) and not first:
            first.append(perf_counter() - start - found["reading"][0])

    with stage("drawing"):
        drawn = finish(iter_draws(slide, spots, checkpoint, options, compute), look)
    with closing(drawn.store), stage("summarising"):
        prediction = finish(iter_summarise(drawn, slide, spots, checkpoint, options))
    with stage("clustering"):
        find_clusters(prediction)
    with stage("writing"):
        write_prediction(prediction, folder / f"prediction-{n}.h5ad")
    whole = sum(found[name][0] for name in STAGES if name != "reading")
    return found | {
        "first heatmap": (first[0], found["drawing"][1]),
        "whole": (whole, max(found[name][1] for name in STAGES)),
        "processor": (processor_seconds() - used, 0.0),
        "resident": (0.0, resident_mb()),
        "device": (0.0, device_mb()),
        "spots": (spots.n_obs, 0.0),
    }


def processor_seconds() -> float:
    """Of this process and its children."""
    return sum(os.times()[:4])


def device_mb() -> float:
    """The most that a GPU held of this process."""
    return torch.cuda.max_memory_allocated() / 2**20 if torch.cuda.is_available() else 0.0


def resident_mb() -> float:
    """The most of this process alone: resource.getrusage would count its parent's, too."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


if __name__ == "__main__":
    main()
