"""The `napari-stem` command: each command reads its options and calls the core."""

from __future__ import annotations

import atexit
import gc
import io
import os
import sys
import time
from importlib.metadata import version
from threading import Thread
from typing import Annotated

import typer

from napari_stem.cli.caching import cache
from napari_stem.cli.cohorts import cohort
from napari_stem.cli.demonstrating import demo
from napari_stem.cli.describing import encoders, info
from napari_stem.cli.estimating import estimate
from napari_stem.cli.evaluating import cross_validate, evaluate
from napari_stem.cli.failures import shortage_of, tell
from napari_stem.cli.importing import import_upstream
from napari_stem.cli.predicting import embed, predict
from napari_stem.cli.protocols import protocol
from napari_stem.cli.repeating import rerun
from napari_stem.cli.signals import INTERRUPTED
from napari_stem.cli.training import train
from napari_stem.errors import StemError
from napari_stem.extras import repair_of

_GRACE = 0.5  # seconds for threads to end

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
    help="Predict gene expression from H&E slides on this machine. For research use only.",
)


def main() -> None:
    """Run the command; say what a user can mend on one line and exit with 1."""
    for stream in (sys.stdout, sys.stderr):  # names of files may hold what no terminal can show
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    atexit.register(gc.freeze)  # or Python looks through all objects before it ends: a second
    try:
        app()
    except SystemExit as end:
        if end.code == INTERRUPTED:
            Thread(target=_leave, daemon=True).start()
        raise
    except StemError as error:
        tell(error)
        sys.exit(1)
    except ImportError as error:
        if not (repair := repair_of(error)):
            raise
        tell(error, repair)
        sys.exit(1)
    except (MemoryError, RuntimeError) as error:
        if not (short := shortage_of(error)):
            raise
        tell(error, short)
        sys.exit(1)


def _leave() -> None:
    """End although a thread waits for a network drive that hangs; all else has been saved."""
    time.sleep(_GRACE)
    os._exit(INTERRUPTED)


def _version(
    show: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    if show:
        typer.echo(version("napari-stem"))
        raise typer.Exit


app.callback(invoke_without_command=True)(_version)
app.command()(demo)
app.command()(embed)
app.command()(estimate)
app.command()(train)
app.command()(predict)
app.command()(rerun)
app.command()(cohort)
app.command()(evaluate)
app.command("cross-validate")(cross_validate)
app.command()(protocol)
app.command("import")(import_upstream)
app.command()(info)
app.command()(encoders)
app.command()(cache)
