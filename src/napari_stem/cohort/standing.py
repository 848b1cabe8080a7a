"""How a cohort stands, as an event."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from napari_stem.cohort.manifest import Row, State
from napari_stem.events import Event


@dataclass(frozen=True, slots=True)
class AtWork:
    """A task that a worker is at: `done` of `total` units of its stage, 0 while unknown."""

    name: str
    stage: str
    worker: str
    done: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True)
class WorkerUse:
    """What a worker uses.

    Attributes
    ----------
    cpu
        Share of one core, above 1 for several.
    memory, limit
        Bytes; no limit is 0.
    gpu
        Share of its GPU; None where that is not known.
    paused
        Whether it takes nothing new until it has memory.
    """

    name: str
    cpu: float
    memory: int
    limit: int
    gpu: float | None = None
    paused: bool = False


@dataclass(frozen=True, slots=True)
class Standing(Event):
    """How a cohort stands.

    Attributes
    ----------
    counts
        Slides by state, of those that were asked for.
    finished
        Rows that are done or failed since the last standing.
    slides_per_hour, seconds_left
        None as long as none is finished.
    dashboard
        Address of the scheduler's page; "" where there is none.
    """

    counts: Mapping[State, int]
    finished: tuple[Row, ...] = ()
    running: tuple[AtWork, ...] = ()
    workers: tuple[WorkerUse, ...] = ()
    slides_per_hour: float | None = None
    seconds_left: float | None = None
    dashboard: str = ""


def bare_address(address: str) -> str:
    """Host and port of a worker, as display text."""
    return address.partition("://")[2] or address
