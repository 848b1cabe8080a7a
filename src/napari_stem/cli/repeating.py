"""The command `rerun`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from napari_stem.cli.flags import with_flags
from napari_stem.cli.options import Computing, Weights, weight_files
from napari_stem.cli.output import console, run_events, say
from napari_stem.features.compute import Compute

if TYPE_CHECKING:
    from napari_stem.prediction.rerun import Difference

_FEW = 0.01  # of the values; batches of other shapes change fewer


@with_flags
def rerun(
    prediction: Annotated[Path, typer.Argument(help="Prediction: an .h5ad file of predict.")],
    *,
    slide: Annotated[
        Path | None, typer.Option(help="Its slide, if it is no longer where it was.")
    ] = None,
    checkpoint: Annotated[
        Path | None, typer.Option(help="Its checkpoint, if it is no longer where it was.")
    ] = None,
    compute: Computing,
    weights: Weights = None,
) -> None:
    """Repeat a prediction from its own record and say where the two differ.

    Everything is computed anew, nothing is taken from the cache. The exit code is 1 if more than 1
    % of the values of a statistic differ by more than 0.001.
    """
    from napari_stem.api.results import read_prediction
    from napari_stem.checkpoints.checkpoint import load_checkpoint
    from napari_stem.io.preview import slide_in_full
    from napari_stem.prediction.rerun import (
        changed_versions,
        differences,
        iter_rerun,
        recorded_checkpoint,
    )

    recorded = read_prediction(prediction)
    loaded = load_checkpoint(checkpoint or recorded_checkpoint(recorded, prediction.parent))
    work = Compute(**compute, weights=weight_files(weights))
    with slide_in_full(recorded, prediction.parent, slide) as opened:
        repeated = run_events(iter_rerun(recorded, opened, loaded, work))
    found = list(differences(recorded, repeated))
    for name, (before, now) in changed_versions(recorded).items():
        say(f"note: {name} was {before}, is {now}")
    if not any(each.changed for each in found):
        say("The same in every value.")
        return
    _print(found)
    if any(each.beyond > _FEW for each in found):
        raise typer.Exit(1)


def _print(found: Sequence[Difference]) -> None:
    """Where two predictions differ, a row for each statistic."""
    table = Table(box=SIMPLE_HEAD)
    for heading in ("statistic", "differ", "by > 0.001", "most", "at"):
        table.add_column(heading, justify="left" if heading in ("statistic", "at") else "right")
    for each in found:
        place = " ".join(filter(None, (each.spot, each.gene))) if each.most else ""
        table.add_row(
            each.statistic, f"{each.changed:.2%}", f"{each.beyond:.2%}", f"{each.most:.2g}", place
        )
    console.print(table)
