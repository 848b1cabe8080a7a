"""Names of the stages of work, and the remaining time, as text."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_stem.events import Progress

_SURE_AFTER = 2.0  # seconds; earlier estimates vary too much
_STAGES = {
    "grid": "Making the grid",
    "load": "Loading the model",
    "embed": "Computing patch features",
    "train": "Training",
    "sample": "Sampling",
}


def stage_in_words(stage: str) -> str:
    """The text for the stage of a `Progress` event; the stage itself if there is none."""
    return _STAGES.get(stage, stage)


class Remaining:
    """Estimates the remaining time from the speed of the current stage."""

    def __init__(self) -> None:
        self._first: Progress | None = None
        self._since = 0.0

    def seconds(self, progress: Progress) -> float | None:
        """Remaining seconds; None while it is too early for an estimate."""
        first = self._first
        if first is None or first.stage != progress.stage or progress.done < first.done:
            self._first, self._since = progress, time.monotonic()
            return None
        elapsed, done = time.monotonic() - self._since, progress.done - first.done
        if elapsed < _SURE_AFTER or not done:
            return None
        return elapsed / done * (progress.total - progress.done)


def in_words(seconds: float) -> str:
    """A duration, rounded: "10 s", "2 min", "1.5 h"."""
    if seconds < 55:
        return f"{max(5, 5 * round(seconds / 5))} s"
    if seconds < 55 * 60:
        return f"{max(1, round(seconds / 60))} min"
    return f"{seconds / 3600:.1f} h"
