"""The command `train`."""

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
    Progress,
    Symbols,
    Weights,
    image_files,
)
from napari_stem.cli.output import console, print_evaluations, run_events, say
from napari_stem.cli.planning import opened_as, planned
from napari_stem.cli.sections import held_out_of, named_sources
from napari_stem.cli.signals import orders, unstoppable
from napari_stem.events import finish
from napari_stem.model.fit_config import FIT_OPTIONS
from napari_stem.options import options_of
from napari_stem.sections.opening import Opening
from napari_stem.training.plan import PanelChoice, TrainPlan


@with_flags
def train(
    sections: Annotated[
        list[str] | None,
        typer.Argument(
            help="Section folders with image, spots and counts, or samples such as her2st:C2 "
            "and generated:1. Without any, the run in --run is resumed."
        ),
    ] = None,
    *,
    run: Annotated[
        Path, typer.Option(help="Run folder. An existing run with the same settings is resumed.")
    ],
    held_out: Annotated[
        str | None,
        typer.Option(
            help="Section to evaluate on, or the share of each section to hold out, such as 0.2."
        ),
    ] = None,
    genes: PanelChoice,
    panel: PanelFile = None,
    encoder: Encoders = None,
    plan: Annotated[dict[str, Any], Flags(options_of(TrainPlan))],
    fit: Annotated[dict[str, Any], Flags(FIT_OPTIONS)],
    opening: Opening,
    images: Images = None,
    symbols: Symbols = None,
    bin_um: Bin = None,
    mpp: Mpp = None,
    weights: Weights = None,
    cache: Cache = None,
    data: Data = None,
    events: Progress = "bars",
    listen: Annotated[
        bool,
        typer.Option(
            "--listen",
            help='Obey lines on standard input: "pause" saves the state and stops, "finish" '
            "evaluates and saves the weights so far. The end of the input pauses, too.",
        ),
    ] = False,
) -> None:
    """Train a checkpoint on sections with counts.

    The run folder holds the state and, at the end, checkpoint.safetensors and report.html. Ctrl+C
    saves the state and stops with exit code 130; the same command, or --run alone, resumes.
    """
    from napari_stem.api.training import iter_reported
    from napari_stem.storage import cache_dir
    from napari_stem.training.run import iter_run, only_helps
    from napari_stem.training.run_folder import REPORT, create_run

    if sections:
        given = opened_as(mpp, bin_um, symbols, opening)
        files = image_files(images, [*sections, *([held_out] if held_out else [])])
        tested, share = held_out_of(held_out, data, given, image=files.get(held_out or "", ""))
        unseen = {source.path for source in tested}
        found = [source for _, source in named_sources(sections, data, given, files)]
        chosen = planned(
            [source for source in found if source.path not in unseen],
            held_out=tested, held_out_share=share, genes=genes, panel=panel, encoders=encoder,
            weights=weights, fit=fit, **plan,
        )  # fmt: skip
        create_run(run, chosen)
    if only_helps(run):
        with unstoppable():
            finish(iter_run(run, cache=cache or cache_dir()))
        return
    work = iter_run(run, cache=cache or cache_dir(), finish_now=orders(listen))
    result = run_events(iter_reported(work, run), events)
    if events == "bars":
        if result.evaluations:
            print_evaluations(result.evaluations)
        if (temperature := result.checkpoint.recipe.diffusion.temperature) != 1:
            say(f"Intervals recalibrated: draws spread {temperature:.2f} times as far.")
        say(f"Report: {run / REPORT}")
        console.print(f"Checkpoint: {result.path}")
