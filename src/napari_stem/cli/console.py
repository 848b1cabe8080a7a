"""Where commands print, and how they show long work."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeVar

from rich.console import Console

from napari_stem.cli.signals import stoppable

if TYPE_CHECKING:
    from napari_stem.evaluation.evaluate import Evaluation
    from napari_stem.events import Events

T = TypeVar("T")

console = Console()


def run_events(events: Events[T], mode: str = "bars") -> T:
    """Exhaust a generator of events and show them."""
    from napari_stem.cli.display import Bars, print_json
    from napari_stem.events import finish

    if mode == "jsonl":
        with stoppable(print_json) as show:
            return finish(events, show)
    with Bars(console) as bars, stoppable(bars.show) as show:
        return finish(events, show)


def say(text: str) -> None:
    """Print a line as it is: names with brackets stay whole, and nothing is wrapped."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def print_notes(notes: Iterable[str]) -> None:
    """Print what was found and assumed about spots and slide, one fact a line."""
    for note in notes:
        say(f"note: {note}")


def print_scores(evaluation: Evaluation) -> None:
    """Print the metrics of each method."""
    from napari_stem.cli.display import scores_table

    console.print(scores_table(evaluation.scores, f"Held-out section: {evaluation.section}"))
