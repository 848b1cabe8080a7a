"""Metrics of a recipe by leaving one of several sections out, for choosing its settings.

python benchmarks/leave_one_out.py her2st:C2 her2st:C3 her2st:C4 [--steps 1 400 800]

Each section is held out once; the genes are chosen without it. One setting is also what
`napari-stem cross-validate` does.
"""

from __future__ import annotations

import argparse
from functools import partial
from typing import TYPE_CHECKING

from napari_stem.api.training import cross_validate
from napari_stem.checkpoints.recipe import Recipe, make_recipe
from napari_stem.cli.output import print_evaluations
from napari_stem.genes.panels import hmhvg
from napari_stem.sections.public_data import sample_section

if TYPE_CHECKING:
    from anndata import AnnData


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sections", nargs="+")
    parser.add_argument("--genes", type=int, default=300)
    parser.add_argument("--steps", type=int, nargs="+", default=[400])
    given = parser.parse_args()
    sections = [sample_section(name) for name in given.sections]
    for steps in given.steps:
        print(f"{steps:,} steps")
        print_evaluations(cross_validate(sections, partial(recipe_of, given.genes, steps)))


def recipe_of(n_genes: int, steps: int, known: list[AnnData], held_out: list[AnnData]) -> Recipe:
    """The small preset; the held-out sections choose no gene, but must have measured each."""
    return make_recipe("small", hmhvg(known, n_genes, measured_by=held_out), fit={"steps": steps})


if __name__ == "__main__":
    main()
