"""The command `evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from napari_stem.cli.flags import with_flags
from napari_stem.cli.options import (
    Bin,
    Cache,
    Computing,
    Data,
    Drawing,
    Images,
    Mpp,
    Symbols,
    Weights,
    files_of,
    image_files,
)
from napari_stem.cli.output import print_doubts, print_scores, run_events
from napari_stem.cli.sections import located
from napari_stem.sections.opening import Opening


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
    options: Drawing,
    compute: Computing,
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
    from napari_stem.api.training import iter_evaluate
    from napari_stem.checkpoints.checkpoint import load_checkpoint
    from napari_stem.reports.report import write_report
    from napari_stem.sections.opened import Opened
    from napari_stem.storage import check_writable

    loaded = load_checkpoint(checkpoint)
    if report:
        check_writable(report)
    files, pictures = files_of(cache, weights), image_files(images, [section, *training])
    with Opened() as opened:
        *known, tested = [
            opened.section(
                located(name, data), image=pictures.get(name), mpp=mpp, bin_um=bin_um,
                symbols=symbols, opening=opening,
            )
            for name in (*training, section)
        ]  # fmt: skip
        work = iter_evaluate(loaded, tested, known, **options, **compute, **files)
        evaluation = run_events(work)
    print_scores(evaluation)
    print_doubts(evaluation.prediction)
    if report:
        write_report(evaluation.prediction, report, scores=evaluation.scores)
