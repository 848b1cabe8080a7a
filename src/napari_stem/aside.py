"""Work that knows no events, done in a thread, while its caller tells of it and may stop it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import TypeVar

import torch

from napari_stem.events import Check, Event, Events
from napari_stem.workers import Workers

T = TypeVar("T")


def iter_aside(job: Callable[[Check], T], tell: Callable[[], Event]) -> Events[T]:
    """Run a job in a thread.

    Parameters
    ----------
    job
        Ends at its next check when the generator is closed. Its result is not None.
    tell
        What to yield while it runs.
    """
    with Workers(torch.device("cpu")) as workers, closing(workers.iter_results([job])) as results:
        for found in results:
            if found is not None:
                return found
            yield tell()
    raise AssertionError("the job gave no result")
