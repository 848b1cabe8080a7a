"""What commands print: texts, long work as bars or JSON lines, and tables of metrics."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Self, TypeVar

from rich.box import SIMPLE_HEAD
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
from rich.text import Text

from napari_stem import events
from napari_stem.checkpoints.gene_trust import trust_in_words
from napari_stem.cli.signals import stoppable
from napari_stem.evaluation.comparison import MODEL, Comparison, limits_in_words, pooled
from napari_stem.evaluation.metrics import BRIEF, BY_SECTION, METRICS
from napari_stem.prediction.trust import StemWarning, warnings_of
from napari_stem.text import a_few, counted
from napari_stem.training.event_lines import to_line

if TYPE_CHECKING:
    from anndata import AnnData

    from napari_stem.evaluation.evaluate import Evaluation
    from napari_stem.evaluation.metrics import Scores

T = TypeVar("T")

_SIGN = {1: "+", 0: " ", -1: "-"}
_SIGNS = f"+ {MODEL} is better on the same spots, - it is worse, each by a 95 % interval."

_TABLE_WIDTH = 100  # columns that a table of metrics takes in a file
console = Console(markup=False)  # names hold brackets


def run_events(work: events.Events[T], mode: str = "bars") -> T:
    """Exhaust a generator of events and show them; warnings are among the notes of its result."""
    warnings.simplefilter("ignore", StemWarning)
    if mode == "jsonl":
        with stoppable(_print_line) as show:
            return events.finish(work, show)
    with _Bars(console) as bars, stoppable(bars.show) as show:
        return events.finish(work, show)


def say(text: str) -> None:
    """Print a line as it is: names with brackets stay whole, and nothing is wrapped."""
    console.print(text, highlight=False, soft_wrap=True)


def print_notes(notes: Iterable[str]) -> None:
    """Print what was found and assumed about spots and slide, one fact a line."""
    for note in notes:
        say(f"note: {note}")


def print_doubts(prediction: AnnData) -> None:
    """Print the warnings and the notes of a prediction."""
    for warning in warnings_of(prediction):
        console.print(f"warning: {warning}", style="bold red", highlight=False, soft_wrap=True)
    print_notes(prediction.uns["napari_stem"].get("notes", ()))


def print_evaluations(evaluations: Sequence[Evaluation]) -> None:
    """Print the metrics of each method over all sections, of each section, and what limits them."""
    every = pooled([evaluation.comparison for evaluation in evaluations])
    table = _table(every, f"{_title(evaluations)}, {_sizes(every)}")
    if not console.is_terminal:
        console.width = max(console.width, _TABLE_WIDTH)
    console.print(table)
    console.print(_SIGNS, highlight=False)
    console.print(limits_in_words(every), highlight=False)
    if not any(evaluation.seen for evaluation in evaluations):
        say(f"Genes by trust: {trust_in_words(every.held_out()['trust'])}.")
    if len(evaluations) > 1:
        console.print(_by_section(evaluations))
    for text in dict.fromkeys(evaluation.seen for evaluation in evaluations if evaluation.seen):
        told = f"These metrics are too good. {text}"
        console.print(told, style="bold red", highlight=False, soft_wrap=True)
    if missing := dict.fromkeys(gene for each in evaluations for gene in each.missing_genes):
        say(f"{counted(len(missing), 'gene')} of the panel not measured: {a_few(missing)}")


def _title(evaluations: Sequence[Evaluation]) -> str:
    first = evaluations[0]
    if len(evaluations) > 1:
        return f"Mean of {len(evaluations)} sections, weighted by spots"
    return f"{'Section, not held out' if first.seen else 'Held-out section'}: {first.section}"


def _sizes(comparison: Comparison) -> str:
    return f"{counted(comparison.n_spots, 'spot')}, {counted(len(comparison.genes), 'gene')}"


class _Bars:
    """Each stage of long work as a bar with the time that remains."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}", markup=False),
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
            case events.Progress(done, total, stage, message, waiting):
                label = self._task_of(stage, message, total)
                if waiting:
                    label += f", waiting for '{waiting}'"
                known = total or None
                self._progress.update(self._task, completed=done, total=known, description=label)
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

    def _task_of(self, stage: str, message: str, total: int) -> str:
        """The label of a stage, which is now the current task."""
        label = f"{stage} {message}".strip()
        if self._stage != (stage, message):
            self._stage = (stage, message)
            self._task = self._progress.add_task(label, total=total or None, note="")
        return label

    def _note(self, text: str) -> None:
        if self._stage is not None:
            self._progress.update(self._task, note=text)


def _print_line(event: events.Event) -> None:
    """One event as one JSON line on standard output, for a parent process."""
    print(to_line(event), flush=True)  # noqa: T201


def print_methods(methods: Mapping[str, Scores]) -> None:
    """Print the mean metrics of several slides: metrics as rows, methods as columns."""
    table = Table(
        "metric", *methods, title="Mean of the slides, weighted by spots", title_justify="left",
        box=SIMPLE_HEAD,
    )  # fmt: skip
    for name in methods[MODEL]:
        metric = METRICS[name]
        best = min((scores[name] for scores in methods.values()), key=metric.loss)
        cells = (
            Text(metric.text(scores[name]), style="bold" if scores[name] == best else "")
            for scores in methods.values()
        )
        table.add_row(metric.heading, *cells)
    console.print(table)


def _table(comparison: Comparison, title: str) -> Table:
    """Metrics as rows, methods as columns; the best of each row in bold."""
    scores, intervals = comparison.scores, comparison.intervals(MODEL)
    ceilings = comparison.ceilings
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("metric", no_wrap=True)
    baselines = [name for name in scores if name != MODEL]
    table.add_column(MODEL, justify="right")
    table.add_column("95 % interval", justify="right", no_wrap=True)
    table.add_column("ceiling", justify="right", no_wrap=True)
    for heading in baselines:
        table.add_column(heading, justify="right")
    members = (str(comparison.methods[name].n_draws) for name in baselines)
    table.add_row("draws", str(comparison.methods[MODEL].n_draws), "", "", *members)
    for name, metric in METRICS.items():
        best = min((values[name] for values in scores.values()), key=metric.loss)
        signs = {each: _SIGN[comparison.verdict(each, metric)] for each in baselines}
        cells = (
            Text(
                metric.text(values[name]) + signs.get(method, ""),
                style="bold" if values[name] == best else "",
            )
            for method, values in scores.items()
        )
        low, high = map(metric.text, intervals[name])
        ceiling = metric.text(ceilings[name]) if name in ceilings else ""
        table.add_row(metric.heading, next(cells), f"{low} - {high}", ceiling, *cells)
    return table


def _by_section(evaluations: Sequence[Evaluation]) -> Table:
    """Some metrics of the model in each section."""
    table = Table(title=f"{MODEL} by section", title_justify="left", box=SIMPLE_HEAD)
    for heading in ("section", "spots", *(metric.heading for metric in BY_SECTION)):
        table.add_column(heading, justify="left" if heading == "section" else "right")
    for each in evaluations:
        scores = each.scores[MODEL]
        cells = (metric.text(scores[metric.name]) for metric in BY_SECTION)
        table.add_row(each.section, f"{each.comparison.n_spots:,}", *cells)
    return table
