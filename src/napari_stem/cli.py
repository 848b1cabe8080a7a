"""The `napari-stem` command."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import typer
from rich.console import Console

from napari_stem.errors import OptionError, StemError

if TYPE_CHECKING:
    from napari_stem.events import Events
    from napari_stem.predict import PredictOptions
    from napari_stem.section import Section

T = TypeVar("T")

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
    help="Predict gene expression from H&E slides, on this machine. Research use only.",
)
console = Console(stderr=True)

Mpp = Annotated[
    float | None, typer.Option(help="Micrometres per pixel, where the slide states none.")
]
Seed = Annotated[int, typer.Option(help="The same seed gives the same draws.")]
Draws = Annotated[int, typer.Option("--draws", min=1, help="Realisations a spot.")]
Steps = Annotated[int, typer.Option(min=1, help="Network evaluations a draw.")]
Sampler = Annotated[
    Literal["dpm++", "ddim", "ancestral"],
    typer.Option(help="ancestral is the paper's, with 1,000 steps."),
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
Cache = Annotated[
    Path | None,
    typer.Option(help="Folder of embeddings and draws that can be used again."),
]
Data = Annotated[
    Path | None,
    typer.Option(
        envvar="NAPARI_STEM_DATA", help="Folder with sample data, for names such as her2st:C2."
    ),
]
Output = Annotated[
    list[Path],
    typer.Option("--output", "-o", help="Where to write: .h5ad, .geojson, .csv or .html."),
]


def main() -> None:
    """Run the command; say a `StemError` on one line and exit with 1."""
    try:
        app()
    except StemError as error:
        console.print(f"[bold red]{type(error).__name__}[/]: {error}", highlight=False)
        sys.exit(1)


@app.callback(invoke_without_command=True)
def _version(
    show: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    if show:
        typer.echo(version("napari-stem"))
        raise typer.Exit
