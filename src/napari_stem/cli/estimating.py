"""The command `estimate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from napari_stem.cli.flags import Flags, with_flags
from napari_stem.cli.options import (
    Bin,
    Cache,
    Data,
    Encoders,
    Images,
    Mpp,
    PanelFile,
    Sections,
    Symbols,
    Weights,
    image_files,
)
from napari_stem.cli.output import run_events, say
from napari_stem.cli.planning import opened_as, planned
from napari_stem.cli.sections import named_sources
from napari_stem.options import options_of
from napari_stem.sections.opening import Opening
from napari_stem.training.plan import PanelChoice, TrainPlan

_USED = ("transform", "geometry", "device", "allow_low_resolution")
_OPTIONS = {name: about for name, about in options_of(TrainPlan).items() if name in _USED}


@with_flags
def estimate(
    sections: Sections,
    *,
    genes: PanelChoice,
    panel: PanelFile = None,
    encoder: Encoders = None,
    plan: Annotated[dict[str, Any], Flags(_OPTIONS)],
    opening: Opening,
    images: Images = None,
    csv: Annotated[
        Path | None, typer.Option("--csv", help="Write the estimate of each gene to this file.")
    ] = None,
    symbols: Symbols = None,
    bin_um: Bin = None,
    mpp: Mpp = None,
    weights: Weights = None,
    cache: Cache = None,
    data: Data = None,
) -> None:
    """Estimate, without training, how well the image tells each gene.

    Ridge regression on the embeddings predicts each section from the others, or strips of a single
    section from its other strips. It takes seconds once the embeddings are there, and training uses
    these again.
    """
    from napari_stem.evaluation.predictability import predictability_in_words
    from napari_stem.storage import atomic_path, cache_dir, check_writable
    from napari_stem.training.run import iter_planned_estimate

    if csv:
        check_writable(csv)
    given = opened_as(mpp, bin_um, symbols, opening)
    found = named_sources(sections, data, given, image_files(images, sections))
    chosen = planned(
        [source for _, source in found],
        genes=genes, panel=panel, encoders=encoder, weights=weights, fit={}, **plan,
    )  # fmt: skip
    table = run_events(iter_planned_estimate(chosen, cache=cache or cache_dir()))
    for line in predictability_in_words(table):
        say(line)
    if csv:
        with atomic_path(csv) as draft:
            table.to_csv(draft, index_label="gene")
