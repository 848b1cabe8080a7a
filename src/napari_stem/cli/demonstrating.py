"""The command `demo`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from napari_stem.cli.output import console, print_evaluations, run_events
from napari_stem.text import counted


def demo(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the results.")] = Path(
        "demo-output"
    ),
    view: Annotated[
        bool, typer.Option(help="Open napari at the end, if there is a display.")
    ] = True,
) -> None:
    """Generate slides, train on some, predict another one, and try the starter checkpoint."""
    from napari_stem.demo import iter_demo

    result = run_events(iter_demo(output))
    print_evaluations([result.evaluation])
    clusters = result.evaluation.prediction.obs["leiden"].nunique()
    console.print(f"{counted(clusters, 'cluster')}. Results in {output.resolve()}:")
    for path in result.files:
        console.print(f"  {path.name}")
    console.print(
        f"starter.h5ad is of the starter checkpoint, on {result.tissue.name}.", highlight=False
    )
    if view and _has_display():
        from napari_stem._napari.files.launch import show_prediction

        if result.tissue is result.section:
            show_prediction(result.section.slide, result.evaluation.prediction, name="prediction")
        else:
            show_prediction(result.tissue.slide, result.starter, name="starter")


def _has_display() -> bool:
    return sys.platform in ("win32", "darwin") or bool(
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )
