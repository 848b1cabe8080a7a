"""How a cohort stands, in a terminal: a live table, or a line per slide where output is a file."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeVar

import typer
from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from napari_stem import events
from napari_stem.cli.output import console, say
from napari_stem.cli.signals import stoppable
from napari_stem.cohort.standing import Standing
from napari_stem.text import counted

if TYPE_CHECKING:
    from napari_stem.cohort.manifest import Row
    from napari_stem.cohort.standing import AtWork, WorkerUse

T = TypeVar("T")
_MOST = 12  # rows of workers or of slides that a terminal has room for


def run_cohort(work: events.Events[T], folder: Path) -> T:
    """Exhaust the work on a cohort and show how it stands."""
    shown = _Shown()
    try:
        with shown, stoppable(shown.show) as show:
            return events.finish(work, partial(_heard, show))
    except typer.Exit:
        done = shown.standing.counts.get("done", 0)
        total = sum(shown.standing.counts.values())
        say(
            f"Stopped; {done} of {counted(total, 'slide')} done: {folder}. The same command goes "
            "on from here."
        )
        raise


def _heard(show: Callable[[events.Event], None], event: events.Event) -> None:
    try:
        show(event)
    except KeyboardInterrupt:
        say("Stopping; what is drawn is kept.")
        raise


class _Shown:
    """The live table, which scrolls no line away; lines of finished slides above it."""

    def __init__(self) -> None:
        self.standing = Standing({})
        self._live = Live(console=console, auto_refresh=False, transient=True)
        self._linked = False

    def __enter__(self) -> Self:
        if console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._live.stop()

    def show(self, event: events.Event) -> None:
        """Draw one event."""
        if not isinstance(event, Standing):
            return
        self.standing = event
        if event.dashboard and not self._linked:
            self._linked = True
            say(f"dashboard: {event.dashboard}")
        for row in event.finished:
            say(_line(row))
        if console.is_terminal:
            self._live.update(_page(event), refresh=True)


def _line(row: Row) -> str:
    if row.state == "failed":
        return f"{row.name}: failed. {row.reason}"
    ood = "" if row.ood_share is None else f", {100 * row.ood_share:.0f} % unlike the training"
    return f"{row.name}: {counted(row.spots or 0, 'spot')} in {_duration(row.seconds)}{ood}"


def _page(standing: Standing) -> Group:
    return Group(Text(_summary(standing)), _slides(standing), _workers(standing))


def _summary(standing: Standing) -> str:
    parts = [f"{number:,} {state}" for state, number in standing.counts.items()]
    if standing.slides_per_hour is not None:
        parts.append(f"{standing.slides_per_hour:.3g} slides/h")
    if standing.seconds_left is not None:
        parts.append(f"{_duration(standing.seconds_left)} left")
    return "  ".join(parts)


def _slides(standing: Standing) -> Table:
    table = Table("slide", "stage", "progress", "worker", box=None)
    for task in standing.running[:_MOST]:
        table.add_row(Text(task.name), task.stage, _share(task), task.worker)
    return table


def _share(task: AtWork) -> str:
    return f"{100 * task.done / task.total:.0f} %" if task.total else ""


def _workers(standing: Standing) -> Table:
    table = Table("worker", "CPU", "GPU", "memory", box=None)
    for worker in standing.workers[:_MOST]:
        table.add_row(worker.name, *_use(worker))
    if not standing.workers:
        table.add_row("waiting for workers")
    if (more := len(standing.workers) - _MOST) > 0:
        table.add_row(f"and {more} more")
    return table


def _use(worker: WorkerUse) -> tuple[str, str, str]:
    gpu = "" if worker.gpu is None else f"{100 * worker.gpu:.0f} %"
    memory = f"{worker.memory / 1e9:.1f} GB"
    if worker.limit:
        memory += f" of {worker.limit / 1e9:.1f}"
    return f"{100 * worker.cpu:.0f} %", gpu, memory + (", full: it waits" if worker.paused else "")


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
