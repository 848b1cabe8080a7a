"""Progress of long work as small frozen events, at most about ten per second.

Long work is a generator of events whose return value is its result. Closing the generator
cancels within one batch, encoding within a few patches, drawing and training within one layer of
the network; finished work is on disk by then.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias, TypeVar

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

T = TypeVar("T")
A = TypeVar("A")
B = TypeVar("B")

Check: TypeAlias = Callable[[], None]
"""Called by a job between its parts; raises when nobody waits for the result any more."""


def go_on() -> None:
    """The check that never ends a job."""


@dataclass(frozen=True, slots=True, eq=False)
class Event:
    """What long work tells: numbers, text, and arrays that nobody writes to again."""


@dataclass(frozen=True, slots=True)
class Progress(Event):
    """`done` of `total` units of a stage are finished.

    Attributes
    ----------
    waiting
        The file that has kept the work waiting for seconds, as on a network drive; mostly "".
    """

    done: int
    total: int
    stage: str
    message: str = ""
    waiting: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Partial(Event):
    """A preview of a prediction: statistics over the draws so far.

    Attributes
    ----------
    mean
        (n, c); it is not changed afterwards.
    ood
        (n,) as a prediction's `obs["ood"]`; None where it is not known.
    """

    draws: int
    total: int
    mean: NDArray[np.float32]
    ood: NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True)
class Loss(Event):
    """Training loss at a step; `validation` is present where one was measured."""

    step: int
    value: float
    validation: float | None = None


@dataclass(frozen=True, slots=True)
class Metrics(Event):
    """Metrics of held-out spots at a training step.

    Attributes
    ----------
    methods
        Values of `metrics.METRICS` by method: first the model, then the baselines.
    draws
        Draws per spot from which the model's metrics come.
    ceilings
        What the noise of the counts allows the model to reach, by metric, where it is known.
    """

    step: int
    draws: int
    methods: Mapping[str, Mapping[str, float]]
    ceilings: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Variation(Event):
    """Mean and variance over held-out spots of each gene, measured and predicted, at a step."""

    step: int
    genes: tuple[str, ...]
    true_mean: tuple[float, ...]
    true_variance: tuple[float, ...]
    mean: tuple[float, ...]
    variance: tuple[float, ...]


Events: TypeAlias = Generator[Event, None, T]


def _ignore(event: object) -> None:
    pass


def finish(events: Generator[A, None, T], on_event: Callable[[A], None] = _ignore) -> T:
    """Exhaust `events`, hand each to `on_event`, return the generator's result."""
    with closing(events):
        while True:
            try:
                event = next(events)
            except StopIteration as end:
                return end.value  # type: ignore[no-any-return]
            on_event(event)


def relay(events: Generator[A, None, T], change: Callable[[A], B | None]) -> Generator[B, None, T]:
    """What `change` makes of each event, but for None; the result is the same."""
    with closing(events):
        while True:
            try:
                event = next(events)
            except StopIteration as end:
                return end.value  # type: ignore[no-any-return]
            if (changed := change(event)) is not None:
                yield changed


class Pace:
    """Limits the rate of events, so that a fast loop does not flood its listener."""

    def __init__(self, seconds: float = 0.1) -> None:
        self._seconds = seconds
        self._last = float("-inf")

    def due(self) -> bool:
        """Whether `seconds` have passed since the last True."""
        now = time.monotonic()
        if now - self._last < self._seconds:
            return False
        self._last = now
        return True


class Seldom:
    """Limits a costly step, within which it is entered, to a tenth of the time."""

    def __init__(self, seconds: float = 0.0) -> None:
        self._seconds = seconds
        self._start = self._next = float("-inf")

    def due(self) -> bool:
        """Whether the step may be taken; at least `seconds` lie between the end of one and this."""
        return time.monotonic() >= self._next

    def __enter__(self) -> None:
        self._start = time.monotonic()

    def __exit__(self, *_: object) -> None:
        now = time.monotonic()
        self._next = now + max(self._seconds, 10 * (now - self._start))
