"""The command `evaluate`."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_stem.cli.console import print_notes, print_scores, run_events
from napari_stem.cli.flags import with_flags
from napari_stem.cli.options import (
    Bin,
    Cache,
    Data,
    Images,
    Mpp,
    Symbols,
    Weights,
    compute_of,
    image_files,
)
from napari_stem.cli.sections import section_of
from napari_stem.features.compute import Compute
from napari_stem.prediction.options import PredictOptions
from napari_stem.sections.opening import Opening

if TYPE_CHECKING:
    from napari_stem.sections.section import Section


@with_flags
def evaluate(
    checkpoint: Annotated[Path, typer.Argument(help="Checkpoint: a .safetensors file.")],
    section: Annotated[str, typer.Argument(help="Section with counts that training never saw.")],
    *,
    training: Annotated[
        list[str],
        typer.Option(
            "--train",
            help="Section that the checkpoint was trained on. Can be given several times.",
        ),
    ],
    options: PredictOptions,
    compute: Compute,
    opening: Opening,
    images: Images = None,
    report: Annotated[Path | None, typer.Option(help="Write an HTML report to this file.")] = None,
    symbols: Symbols = None,
    bin_um: Bin = None,
    mpp: Mpp = None,
    weights: Weights = None,
    cache: Cache = None,
    data: Data = None,
) -> None:
    """Compare a checkpoint with ridge regression and nearest neighbours on a held-out section."""
    from napari_stem.checkpoints.checkpoint import load_checkpoint
    from napari_stem.evaluation.evaluate import iter_evaluate
    from napari_stem.reports.report import write_report
    from napari_stem.sections.paired_data import iter_paired_data

    loaded = load_checkpoint(checkpoint)
    place = compute_of(compute, cache, weights)
    files = image_files(images, [section, *training])
    given: dict[str, Any] = {
        "mpp": mpp, "bin_um": bin_um, "symbols": symbols, "opening": opening,
    }  # fmt: skip
    with ExitStack() as opened:

        def open_one(name: str) -> Section:
            return opened.enter_context(section_of(name, data, image=files.get(name), **given))

        known, tested = [open_one(name) for name in training], open_one(section)
        learned = run_events(iter_paired_data(known, loaded.recipe, place))
        evaluation = run_events(iter_evaluate(loaded, tested, learned, options, place))
    print_scores(evaluation)
    print_notes(evaluation.prediction.uns["napari_stem"]["notes"])
    if report:
        write_report(evaluation.prediction, report, scores=evaluation.scores)
