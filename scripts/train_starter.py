"""Trains the checkpoint that comes with the package: `python scripts/train_starter.py [DATA]`.

DATA is a folder that contains her2st/C2 to C5; without it, NAPARI_STEM_DATA or a download. The
checkpoint learns from all four sections; its metrics are those of cross-validation, in which each
section is left out once and chooses no gene. The same versions on the same machine give the same
file.
"""

from __future__ import annotations

import argparse
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from napari_stem.api.evaluation import cross_validate
from napari_stem.api.training import train
from napari_stem.checkpoints.checkpoint import save_checkpoint
from napari_stem.checkpoints.recipe import Recipe, make_recipe
from napari_stem.checkpoints.starter import ATTRIBUTION, TITLE, starter_file
from napari_stem.cli.output import print_evaluations
from napari_stem.genes.panels import hmhvg
from napari_stem.sections.public_data import HER2ST, sample_section
from napari_stem.training.train import held_out_metrics

if TYPE_CHECKING:
    from anndata import AnnData

GENES = 300


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="?", type=Path)
    parser.add_argument("--output", type=Path, default=starter_file())
    given = parser.parse_args()
    with ExitStack() as slides, tempfile.TemporaryDirectory() as folder:
        sections = [sample_section(f"her2st:{name}", data=given.data) for name in HER2ST]
        for section in sections:
            slides.enter_context(section.slide)
        evaluations = cross_validate(sections, recipe_of)
        recipe = recipe_of([section.spots for section in sections], [])
        checkpoint = train(sections, recipe, folder).checkpoint
    print_evaluations(evaluations)
    metrics = held_out_metrics(evaluations)
    for name in [name for name in metrics if name.startswith("gene_")]:
        metrics[name] = {gene: metrics[name].get(gene) for gene in recipe.panel}
    metrics["held_out"] = "each section once"
    about = {**checkpoint.about, **metrics, "title": TITLE, "attribution": ATTRIBUTION}
    path = save_checkpoint(replace(checkpoint, about=about), given.output)
    print(f"{path}: {path.stat().st_size / 1e6:.2f} MB")


def recipe_of(known: list[AnnData], held_out: list[AnnData]) -> Recipe:
    """The small preset; held-out sections choose no gene, but must have measured each."""
    return make_recipe("small", hmhvg(known, GENES, measured_by=held_out))


if __name__ == "__main__":
    main()
