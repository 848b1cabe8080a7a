"""The command `train`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from napari_stem.cli.console import console, print_scores, run_events
from napari_stem.cli.options import (
    Bin,
    Cache,
    Data,
    Device,
    Draws,
    Mpp,
    Progress,
    Seed,
    Symbols,
    Weights,
    weight_files,
)
from napari_stem.cli.sections import held_out_of, section_sources
from napari_stem.cli.stopping import orders


def train(
    run: Annotated[Path, typer.Option(help="Folder of the run; the same one resumes it.")],
    sections: Annotated[
        list[str] | None,
        typer.Argument(
            help="Folders with image, spots and counts, or her2st:C2, generated:1, …; "
            "without any, the run goes on as it was planned."
        ),
    ] = None,
    held_out: Annotated[
        str | None,
        typer.Option(help="A further section to evaluate on, or a share of each such as 0.2."),
    ] = None,
    select: Annotated[
        Literal["hmhvg", "hvg", "deg"],
        typer.Option(
            help="Genes of high mean and variance, of high mean among the variable ones, or "
            "different between the regions of --by."
        ),
    ] = "hmhvg",
    by: Annotated[str, typer.Option(help="Column that names regions, for --select deg.")] = "",
    genes: Annotated[int, typer.Option(min=1, help="Genes to select; of deg for a region.")] = 300,
    panel: Annotated[Path | None, typer.Option(help="A gene list instead, one a line.")] = None,
    preset: Annotated[
        Literal["small", "paper"], typer.Option(help="small: for CPUs; paper: for GPUs.")
    ] = "small",
    encoder: Annotated[list[str] | None, typer.Option(help="Repeat to concatenate.")] = None,
    transform: Annotated[
        Literal["log2", "log1p_cp10k"], typer.Option(help="What to learn of raw counts.")
    ] = "log2",
    geometry: Annotated[
        Literal["physical", "paper"],
        typer.Option(help="physical: 112 um a patch; paper: 224 pixels of level 0."),
    ] = "physical",
    steps: Annotated[int | None, typer.Option(min=1, help="Training steps.")] = None,
    minutes: Annotated[
        float | None, typer.Option(min=0.01, help="Time to train for, instead of steps.")
    ] = None,
    batch_size: Annotated[int | None, typer.Option(min=1)] = None,
    learning_rate: Annotated[float | None, typer.Option(min=0)] = None,
    augmented: Annotated[
        float | None, typer.Option(min=0, help="Turned views of a patch for each original one.")
    ] = None,
    keep: Annotated[
        Literal["best", "last"],
        typer.Option(help="Weights with the lowest held-out loss, or of the last step."),
    ] = "last",
    seed: Seed = 0,
    draws: Draws = 20,
    symbols: Symbols = None,
    bin_um: Bin = None,
    mpp: Mpp = None,
    weights: Weights = None,
    device: Device = "auto",
    cache: Cache = None,
    data: Data = None,
    events: Progress = "bars",
    listen: Annotated[
        bool,
        typer.Option(
            "--listen",
            help='Obey lines on standard input: "pause" saves the state and stops, as the end of '
            'the input does; "finish" evaluates and saves the weights so far.',
        ),
    ] = False,
) -> None:
    """Train on sections with counts; the checkpoint lies in the run's folder.

    Ctrl+C saves the state and stops with exit code 130; the same command, or --run alone, goes
    on from there.
    """
    from napari_stem.genes.panels import read_panel
    from napari_stem.model.fit_config import UNLIMITED
    from napari_stem.storage import cache_dir
    from napari_stem.training.plan import PanelChoice, TrainPlan
    from napari_stem.training.run_folder import create_run
    from napari_stem.training.run_plan import iter_run

    if sections:
        opening = {
            "mpp": mpp,
            "bin_um": bin_um,
            "symbols": str(symbols.resolve()) if symbols else "",
        }
        tested, share = held_out_of(held_out, data, opening)
        budget = {"steps": UNLIMITED if minutes and not steps else steps, "minutes": minutes}
        given = {
            "batch_size": batch_size,
            "learning_rate": learning_rate,
            "augmented": augmented,
            "seed": seed,
            **budget,
        }
        chosen = PanelChoice(select, genes, by)
        unseen = {source.path for source in tested}
        found = [source for name in sections for source in section_sources(name, data, opening)]
        plan = TrainPlan(
            tuple(source for source in found if source.path not in unseen),
            held_out=tested,
            held_out_share=share,
            panel=PanelChoice("list", genes=tuple(read_panel(panel))) if panel else chosen,
            preset=preset,
            encoders=tuple(encoder or ["morphology"]),
            weights={name: str(path.resolve()) for name, path in weight_files(weights).items()},
            transform=transform,
            geometry=geometry,
            fit={name: value for name, value in given.items() if value is not None},
            keep=keep,
            draws=draws,
            device=device,
        )
        create_run(run, plan)
    work = iter_run(run, cache=cache or cache_dir(), finish_now=orders(listen))
    result = run_events(work, events)
    if events == "bars":
        for evaluation in result.evaluations:
            print_scores(evaluation)
        console.print(f"Checkpoint: {result.path}")
