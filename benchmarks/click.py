"""Seconds from a click to its first and to all of its draws: the first click, and later ones.

    python benchmarks/click.py [CHECKPOINT] [--clicks 10] [--draws 20]

Without a checkpoint, an untrained network of the small preset with 300 genes is timed, which
takes as long as a trained one.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path

START = time.perf_counter()  # the libraries load at the first click, too

import numpy as np  # noqa: E402
import torch  # noqa: E402

from napari_stem.checkpoints.checkpoint import Checkpoint, load_checkpoint  # noqa: E402
from napari_stem.checkpoints.recipe import make_recipe  # noqa: E402
from napari_stem.features.condition import Condition  # noqa: E402
from napari_stem.model.network import StemNetwork  # noqa: E402
from napari_stem.prediction.inspect import Inspector  # noqa: E402
from napari_stem.prediction.inspection import Inspection  # noqa: E402
from napari_stem.prediction.options import PredictOptions  # noqa: E402
from napari_stem.sections.synthetic import generate_section  # noqa: E402

GENES, SPOTS = 300, 500


def untrained() -> Checkpoint:
    recipe = make_recipe("small", [f"GENE{i}" for i in range(GENES)])
    width = sum(encoder.width for encoder in recipe.encoders)
    embeddings = np.random.default_rng(0).normal(size=(SPOTS, width)).astype(np.float32)
    condition = Condition.fit(
        embeddings, components=recipe.components, noise=recipe.embedding_noise
    )
    recipe = replace(recipe, network=replace(recipe.network, condition_width=condition.width))
    zeros, ones = np.zeros(GENES, np.float32), np.ones(GENES, np.float32)
    return Checkpoint(recipe, StemNetwork(recipe.network).eval(), condition, zeros, ones)


def main() -> None:
    imported = time.perf_counter() - START
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path, nargs="?")
    parser.add_argument("--clicks", type=int, default=10)
    parser.add_argument("--draws", type=int, default=20)
    options = parser.parse_args()
    slide = generate_section("benchmark", seed=0).slide
    places = np.random.default_rng(0).uniform(300, 1700, (1 + options.clicks, 2))
    start = time.perf_counter()
    checkpoint = load_checkpoint(options.checkpoint) if options.checkpoint else untrained()
    inspector = Inspector(checkpoint, PredictOptions(n_draws=options.draws))
    loaded = time.perf_counter() - start
    firsts, wholes = np.array([click(inspector, slide, xy) for xy in places]).T
    print(f"{len(checkpoint.recipe.panel)} genes, {options.draws} draws, "
          f"{torch.get_num_threads()} threads")  # fmt: skip
    print(f"libraries {imported:.2f} s, checkpoint {loaded:.2f} s")
    print(f"  first click: {firsts[0]:.2f} s to the first draws, {wholes[0]:.2f} s to all")
    print(f"  later clicks: {np.median(firsts[1:]):.2f} s to the first draws, "
          f"{np.median(wholes[1:]):.2f} s to all (medians of {options.clicks}, "
          f"at most {wholes[1:].max():.2f} s)")  # fmt: skip


def click(inspector: Inspector, slide: object, xy: np.ndarray) -> tuple[float, float]:
    start = time.perf_counter()
    times = [
        time.perf_counter() - start
        for event in inspector.iter_inspect(slide, tuple(xy), spot_diameter_px=110)
        if isinstance(event, Inspection)
    ]
    return times[0], times[-1]


if __name__ == "__main__":
    main()
