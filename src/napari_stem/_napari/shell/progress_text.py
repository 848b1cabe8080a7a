"""Names of the stages of work, the steps of a prediction as one total, and the time left."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_stem.events import Progress

# The steps of a prediction and the shares of its time that they take, roughly.
PREDICTING = {"load": 0.05, "embed": 0.35, "sample": 0.58, "summarise": 0.02}
_SURE_AFTER = 2.0  # seconds; earlier estimates vary too much
_STAGES = {
    "grid": "Making the grid",
    "load": "Loading the model",
    "embed": "Computing patch features",
    "factors": "Learning how genes vary together",
    "factors of spots": "Reading the factors of spots",
    "train": "Training",
    "recalibrate": "Recalibrating intervals",
    "sample": "Sampling",
    "summarise": "Summarising the draws",
    "cluster": "Finding clusters",
    "score": "Comparing with baselines",
}


def stage_in_words(progress: Progress) -> str:
    """The text for a stage, the stage itself if there is none; or for what is waited."""
    if progress.waiting:
        return f"Waiting for {Path(progress.waiting).name}"
    return _STAGES.get(progress.stage, progress.stage)


def step_in_words(progress: Progress) -> str:
    """Which step of a prediction runs: "Step 2 of 4: Computing patch features"."""
    stage, steps = stage_in_words(progress), list(PREDICTING)
    if progress.stage not in steps:
        return stage
    return f"Step {1 + steps.index(progress.stage)} of {len(steps)}: {stage}"


def share_done(progress: Progress) -> float:
    """How much of a prediction is done, from 0 to 1; it never falls from one step to the next."""
    if progress.stage not in PREDICTING:
        return 0.0
    before, own, _ = _shares(PREDICTING, progress.stage)
    return before + own * (progress.done / progress.total if progress.total else 0)


class Remaining:
    """Estimates the remaining time from the speed of the current stage.

    Parameters
    ----------
    steps
        Stages with the shares of the time that they take; those that follow take a time in
        proportion to that of the current one. By default no other stage follows.
    """

    def __init__(self, steps: Mapping[str, float] | None = None) -> None:
        self._steps = steps or {}
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
        left = progress.total - progress.done
        if progress.stage in self._steps:
            _, own, after = _shares(self._steps, progress.stage)
            left += round(progress.total * after / own)
        return elapsed / done * left


def in_words(seconds: float) -> str:
    """A duration, rounded: "10 s", "2 min", "1.5 h"."""
    if seconds < 55:
        return f"{max(5, 5 * round(seconds / 5))} s"
    if seconds < 55 * 60:
        return f"{max(1, round(seconds / 60))} min"
    return f"{seconds / 3600:.1f} h"


def _shares(steps: Mapping[str, float], stage: str) -> tuple[float, float, float]:
    """The shares before a stage, of its own, and after it."""
    shares, row = list(steps.values()), list(steps).index(stage)
    return sum(shares[:row]), shares[row], sum(shares[row + 1 :])
