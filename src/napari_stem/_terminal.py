"""Events as progress bars, tables and JSON lines in a terminal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Self, TypeVar

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

if TYPE_CHECKING:
    from types import TracebackType

    from napari_stem.metrics import Scores

T = TypeVar("T")


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

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def show(self, event: events.Event) -> None:
        """Draw one event."""
        match event:
            case events.Progress(done, total, stage, message):
                self._task_of(stage, message, total)
                self._progress.update(self._task, completed=done, total=total)
            case events.Loss(_, value, validation):
                note = f"loss {value:.3f}"
                note += f", held out {validation:.3f}" if validation is not None else ""
                self._note(note)
            case events.Partial(draws, total, _):
                self._note(f"{draws} of {total} draws")

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
    match event:
        case events.Partial(draws, total, _):
            values: dict[str, object] = {"draws": draws, "total": total}
        case _:
            values = asdict(event)
    print(json.dumps({"event": type(event).__name__, **values}), flush=True)  # noqa: T201


def scores_table(scores: Mapping[str, Scores], title: str) -> Table:
    """Methods as rows, figures as columns; the best of each column in bold."""
    table = Table(title=title, title_justify="left")
    table.add_column("method")
    columns = [(field.name, *_HEADINGS[field.name]) for field in fields(next(iter(scores.values())))]
    for _, heading, _ in columns:
        table.add_column(heading, justify="right")
    for method, figures in scores.items():
        cells = [method]
        for name, _, better in columns:
            value = getattr(figures, name)
            best = min(scores.values(), key=lambda s: better(getattr(s, name)))  # noqa: B023
            text = f"{value:.3f}"
            cells.append(f"[bold]{text}[/bold]" if getattr(best, name) == value else text)
        table.add_row(*cells)
    return table


_HEADINGS = {
    "pcc_10": ("PCC-10", lambda v: -v),
    "pcc_50": ("PCC-50", lambda v: -v),
    "pcc_all": ("PCC-all", lambda v: -v),
    "mae": ("MAE", lambda v: v),
    "mse": ("MSE", lambda v: v),
    "rvd": ("RVD", lambda v: v),
    "crps": ("CRPS", lambda v: v),
    "coverage": ("90 % coverage", lambda v: abs(v - 0.9)),
}
