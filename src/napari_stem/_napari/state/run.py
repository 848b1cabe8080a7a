"""The prediction that runs in a workspace: one at a time, whoever asked for it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import InitVar, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeAlias

from psygnal import Signal, SignalGroupDescriptor

from napari_stem._napari.state.result import Result
from napari_stem.errors import OptionError
from napari_stem.events import Progress, finish

if TYPE_CHECKING:
    from napari_stem._napari.state.request import PredictRequest
    from napari_stem.events import Event

    Predict: TypeAlias = Callable[[PredictRequest], Generator[Event | Result, None, Result]]


class StartJob(Protocol):
    """Starts the work of a generator; what it calls, it calls in the thread of its caller.

    `told` gets what the generator yields, `result` what it returns, unless it failed or was
    stopped; `ended` is always the last. Returns what stops the work at the generator's next event.
    """

    def __call__(
        self,
        source: Generator[Any, None, Any],
        *,
        told: Callable[[Any], None],
        result: Callable[[Any], object],
        ended: Callable[[], object],
    ) -> Callable[[], object]: ...


def work_here(
    source: Generator[Any, None, Any],
    *,
    told: Callable[[Any], None],
    result: Callable[[Any], object],
    ended: Callable[[], object],
) -> Callable[[], object]:
    """Do a job before returning, where there is no window that would wait."""
    try:
        result(finish(source, told))
    finally:
        ended()
    return _nothing


@dataclass(eq=False)
class PredictionRun:
    """Starts a prediction, stops it, and makes a whole one of the draws before that.

    `events` has one signal a field; to ask for more draws than a result has continues it.

    Attributes
    ----------
    request
        What is being predicted; None while nothing is.
    progress
        How far it is; None before it has told.
    is_stopping
        Whether it was stopped, and makes a whole prediction of what was drawn.
    drawn
        Tells results: the mean of the draws so far, and at last the whole prediction.
    """

    request: PredictRequest | None = None
    progress: Progress | None = None
    is_stopping: bool = False
    start_job: InitVar[StartJob] = work_here

    events: ClassVar[SignalGroupDescriptor] = SignalGroupDescriptor()
    drawn = Signal(object)

    def __post_init__(self, start_job: StartJob) -> None:
        self._start_job = start_job
        self._stop: Callable[[], object] = _nothing
        self._so_far: Result | None = None  # of draws that are no whole prediction yet
        self._keeps = True

    def start(self, request: PredictRequest, predict: Predict) -> None:
        """Predict what is asked for.

        Raises
        ------
        OptionError
            Another prediction runs.
        """
        if self.request is not None:
            raise OptionError("Another prediction runs. Stop it first, or wait for its end.")
        self._predict = predict
        self._keeps = True
        self._begin(request)

    def stop(self) -> None:
        """End at the next event; the draws that are there become a whole prediction."""
        if self.request is not None and not self.is_stopping:
            self.is_stopping = True
            self._stop()

    def abandon(self) -> None:
        """End at the next event, and make nothing of the draws."""
        self._keeps = False
        if self.request is not None:
            self.is_stopping = True
            self._stop()

    def _begin(self, request: PredictRequest) -> None:
        self._so_far = self.progress = None
        self.request = request
        self._stop = self._start_job(
            self._predict(request), told=self._tell, result=self._take, ended=self._rest
        )

    def _tell(self, event: Event | Result) -> None:
        match event:
            case Progress():
                self.progress = event
            case Result():
                self._so_far = event
                self.drawn.emit(event)

    def _take(self, whole: Result) -> None:
        self._so_far = None
        self.drawn.emit(whole)

    def _rest(self) -> None:
        request, so_far = self.request, self._so_far
        assert request is not None  # it has just ended
        # One of all draws that failed would fail again.
        is_part = so_far is not None and (self.is_stopping or so_far.n_draws < request.n_draws)
        if so_far is not None and is_part and self._keeps:
            self._keeps = False  # nothing is drawn for the summary, and it is made once
            self.is_stopping = True
            self._begin(request.with_draws(so_far.n_draws))
            return
        self._stop = _nothing
        self._so_far = self.progress = None
        self.is_stopping = False
        self.request = None


def _nothing() -> None:
    """There is no work to stop."""
