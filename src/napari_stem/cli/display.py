"""Events as progress bars, tables and JSON lines; heavy, so loaded as work starts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from napari_stem import events
from napari_stem.evaluation.metrics import BRIEF, METRICS, Scores
from napari_stem.training.event_lines import to_line


class Bars:
    """Shows each stage of long work as a bar with the time that remains.

    Use as a context manager and pass its `show` to `events.finish`.
    """

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
            console=console,
        )
        self._stage: tuple[str, str] | None = None
        self._task = TaskID(0)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._progress.stop()

    def show(self, event: events.Event) -> None:
        """Draw one event."""
        match event:
            case events.Progress(done, total, stage, message):
                self._task_of(stage, message, total)
                self._progress.update(self._task, completed=done, total=total)
            case events.Loss(_, value, validation):
                note = f"loss {value:.3f}"
                note += f", held-out {validation:.3f}" if validation is not None else ""
                self._note(note)
            case events.Partial(draws, total, _):
                self._note(f"{draws} of {total} draws")
            case events.Metrics(step, _, methods):
                first = BRIEF[0]
                told = ", ".join(f"{m} {first.text(s[first.name])}" for m, s in methods.items())
                self._progress.console.print(
                    f"step {step}: {first.heading} {told}", highlight=False
                )

    def _task_of(self, stage: str, message: str, total: int) -> None:
        if self._stage != (stage, message):
            self._stage = (stage, message)
            label = f"{stage} {message}".strip()
            self._task = self._progress.add_task(label, total=total, note="")

    def _note(self, text: str) -> None:
        if self._stage is not None:
            self._progress.update(self._task, note=text)


def print_json(event: events.Event) -> None:
    """One event as one JSON line on standard output, for a parent process."""
    print(to_line(event), flush=True)  # noqa: T201


def scores_table(scores: Mapping[str, Scores], title: str) -> Table:
    """Methods as rows, metrics as columns; the best of each column in bold."""
    table = Table("method", title=title, title_justify="left")
    best = {}
    for name, metric in METRICS.items():
        table.add_column(metric.heading, justify="right")
        best[name] = min((values[name] for values in scores.values()), key=metric.loss)
    for method, values in scores.items():
        cells = {name: metric.text(values[name]) for name, metric in METRICS.items()}
        table.add_row(
            method,
            *(f"[bold]{text}[/]" if values[name] == best[name] else text
              for name, text in cells.items()),
        )  # fmt: skip
    return table
