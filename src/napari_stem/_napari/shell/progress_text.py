"""Stages of work, and how much longer they take, in words."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_stem.events import Progress

_SURE_AFTER = 2.0  # seconds; earlier guesses jump
_STAGES = {
    "grid": "Laying the grid",
    "load": "Loading the network",
    "embed": "Reading patches",
    "train": "Training",
    "sample": "Drawing",
}


def stage_in_words(stage: str) -> str:
    """What a `Progress` event's stage is called; the stage itself where it has no other name."""
    return _STAGES.get(stage, stage)


class Remaining:
    """Estimates from the speed of the current stage so far."""

    def __init__(self) -> None:
        self._first: Progress | None = None
        self._since = 0.0

    def seconds(self, progress: Progress) -> float | None:
        """Seconds that are left; None while there is too little to judge by."""
        first = self._first
        if first is None or first.stage != progress.stage or progress.done < first.done:
            self._first, self._since = progress, time.monotonic()
            return None
        elapsed, done = time.monotonic() - self._since, progress.done - first.done
        if elapsed < _SURE_AFTER or not done:
            return None
        return elapsed / done * (progress.total - progress.done)


def in_words(seconds: float) -> str:
    """A duration as short as its precision."""
    if seconds < 55:
        return f"{max(5, 5 * round(seconds / 5))} s"
    if seconds < 55 * 60:
        return f"{max(1, round(seconds / 60))} min"
    return f"{seconds / 3600:.1f} h"
