"""The command `evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from napari_stem.cli.console import print_scores, run_events
from napari_stem.cli.options import (
    Bin,
    Cache,
    Data,
    Device,
    Draws,
    Mpp,
    Sampler,
    Seed,
    Steps,
    Symbols,
    Weights,
    predict_options,
)
from napari_stem.cli.sections import section_of


def evaluate(
    checkpoint: Annotated[Path, typer.Argument(help="A .safetensors file of `train`.")],
    section: Annotated[str, typer.Argument(help="A held-out section with counts.")],
    training: Annotated[
        list[str], typer.Option("--train", help="The sections that it learned from; repeat.")
    ],
    draws: Draws = 20,
    sampler: Sampler = "dpm++",
    sampler_steps: Steps = 20,
    seed: Seed = 0,
    report: Annotated[Path | None, typer.Option(help="Write an .html report.")] = None,
    symbols: Symbols = None,
    bin_um: Bin = None,
    mpp: Mpp = None,
    weights: Weights = None,
    device: Device = "auto",
    cache: Cache = None,
    data: Data = None,
) -> None:
    """Compare a checkpoint with ridge regression and retrieval on a held-out section."""
    from napari_stem.checkpoints.checkpoint import load_checkpoint
    from napari_stem.evaluation.evaluate import iter_evaluate, iter_training_data
    from napari_stem.reports.report import write_report

    loaded = load_checkpoint(checkpoint)
    options = predict_options(
        cache=cache, device=device, weights=weights, n_draws=draws, seed=seed,
        sampler=(sampler, sampler_steps),
    )  # fmt: skip
    opening: dict[str, Any] = {"mpp": mpp, "bin_um": bin_um, "symbols": symbols}
    known = [section_of(name, data, **opening) for name in training]
    tested = section_of(section, data, **opening)
    learned = run_events(iter_training_data(known, loaded, options))
    evaluation = run_events(iter_evaluate(loaded, tested, learned, options))
    print_scores(evaluation)
    if report:
        write_report(evaluation.prediction, report, scores=evaluation.scores)
