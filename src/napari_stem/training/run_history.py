"""Curves of a training run, kept in its folder as JSON lines (`history.jsonl`)."""

from __future__ import annotations

from pathlib import Path

from napari_stem.events import Event, Events, Loss, Metrics, Pace, T, Variation, relay
from napari_stem.storage import writing
from napari_stem.training.event_lines import from_line, to_line

HISTORY = "history.jsonl"
_LOSS_SECONDS = 2.0  # between losses that are kept, unless they were validated


def read_history(folder: Path) -> list[Event]:
    """Losses, metrics and variation of a run in the order of their steps.

    A resumed run repeats events after its last saved state; the later ones count.
    """
    try:
        lines = (folder / HISTORY).read_bytes().splitlines()
    except OSError:
        return []
    found: list[Loss | Metrics | Variation] = []
    for event in map(from_line, lines):
        if isinstance(event, Loss | Metrics | Variation):
            _take_back(found, event)
            found.append(event)
    return list(found)


def _take_back(found: list[Loss | Metrics | Variation], event: Loss | Metrics | Variation) -> None:
    """Drop what an event reports again; a loss says that all of its steps are run again."""
    start = len(found)
    while start and found[start - 1].step >= event.step:
        start -= 1
    again = isinstance(event, Loss)
    found[start:] = [old for old in found[start:] if not again and type(old) is not type(event)]


def recorded(events: Events[T], folder: Path) -> Events[T]:
    """The same events, of which the folder keeps those that its curves show."""
    pace, path = Pace(_LOSS_SECONDS), folder / HISTORY
    _append(path, "\n")  # a line that was cut off ends here

    def keep(event: Event) -> Event:
        if _is_kept(event, pace):
            _append(path, to_line(event) + "\n")
        return event

    kept: Events[T] = relay(events, keep)
    return (yield from kept)


def _append(path: Path, text: str) -> None:
    with writing(path), path.open("a", encoding="utf-8") as file:
        file.write(text)


def _is_kept(event: Event, pace: Pace) -> bool:
    if isinstance(event, Loss):
        return event.validation is not None or pace.due()
    return isinstance(event, Metrics | Variation)
