"""What workers do for a slide: two tasks, which take paths and return plain data.

Whoever hands them out imports nothing that works; workers do so as they start.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_stem.cohort.order import Listed
    from napari_stem.cohort.outcome import Outcome

AT_WORK = "napari_stem.cohort.slide_task"  # what a worker imports


def embed_slide(desk: str, listed: Listed, folder: str) -> Outcome:
    """Open a slide and embed its patches into the cache.

    A worker of one thread goes on to draw, so that it has no second slide open meanwhile.
    """
    from napari_stem.cohort.slide_task import SlideTask

    task = SlideTask(desk, listed, Path(folder), "embed")
    embedded = task.outcome(task.embed)
    if embedded.failure or not task.is_alone:
        return embedded
    return replace(draw_slide(embedded, desk, listed, folder), is_last=True)


def draw_slide(embedded: Outcome, desk: str, listed: Listed, folder: str) -> Outcome:
    """Draw for a slide whose patches are embedded, and write its files."""
    from napari_stem.cohort.slide_task import SlideTask

    if embedded.failure or embedded.is_last:
        return embedded
    task = SlideTask(desk, listed, Path(folder), "draw")
    return task.outcome(task.draw, embedded.changes)
