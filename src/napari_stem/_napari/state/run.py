"""The running prediction of a workspace; there is one at a time, whichever dock started it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import InitVar, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeAlias

from psygnal import Signal, SignalGroupDescriptor

from napari_stem._napari.state.result import Result
from napari_stem._napari.state.session import are_same
from napari_stem.errors import OptionError
from napari_stem.events import Progress, finish

if TYPE_CHECKING:
    from napari_stem._napari.state.request import PredictRequest
    from napari_stem.events import Event

    Predict: TypeAlias = Callable[[PredictRequest], Generator[Event | Result, None, Result]]


class StartJob(Protocol):
    """Runs a generator; its callbacks are called in the thread of the caller.

    `told` receives each event that the generator yields. `result` receives its return value,
    unless the generator failed or was stopped. `ended` is always called last. The function that
    is returned stops the generator at its next event.
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
    """Run a generator to its end before returning, where there is no window to keep alive."""
    try:
        result(finish(source, told))
    finally:
        ended()
    return _nothing


@dataclass(eq=False)
class PredictionRun:
    """Starts and stops a prediction; after a stop it completes the result from the draws so far.

    `events` has one signal per field. A request for more draws continues a result that has fewer.

    Attributes
    ----------
    request
        The request that runs; None if none does.
    progress
        The latest progress; None before the first event.
    is_stopping
        Whether it was stopped and is completing the result from the draws so far.
    failure
        Why the latest prediction failed; None if it did not.
    drew_nothing
        Whether the latest prediction was stopped before its first draw.
    drawn
        Emits results: the mean of the draws so far, and at the end the complete prediction.
    """

    request: PredictRequest | None = None
    progress: Progress | None = None
    is_stopping: bool = False
    failure: Exception | None = None
    drew_nothing: bool = False
    start_job: InitVar[StartJob] = work_here

    events: ClassVar[SignalGroupDescriptor] = SignalGroupDescriptor()
    drawn = Signal(object)

    def __post_init__(self, start_job: StartJob) -> None:
        self._start_job = start_job
        self._stop: Callable[[], object] = _nothing
        self._so_far: Result | None = None  # the latest incomplete result
        self._keeps = True
        self._drew = False
        self._error: Exception | None = None

    def start(self, request: PredictRequest, predict: Predict) -> None:
        """Start to predict a request.

        Raises
        ------
        OptionError
            Another prediction is running.
        """
        if self.request is not None:
            raise OptionError("Another prediction is running. Stop it, or wait until it ends.")
        self._predict = predict
        self._keeps = True
        self._drew, self._error = False, None
        self.failure, self.drew_nothing = None, False
        self._begin(request)

    def stop(self) -> None:
        """Stop at the next event, and complete the result from the draws so far."""
        if self.request is not None and not self.is_stopping:
            self.is_stopping = True
            self._stop()

    def abandon(self) -> None:
        """Stop at the next event, and discard the draws so far."""
        self._keeps = False
        if self.request is not None:
            self.is_stopping = True
            self._stop()

    def lacking(self, result: Result | None) -> str:
        """Why a result cannot be clustered or exported yet, and what to do; "" if it can."""
        if result is None:
            return "No prediction yet. Run one in the Predict dock, or open a saved one."
        if result.prediction is not None:
            return ""
        if self.request is not None and are_same(self.request.slide, result.slide):
            return "The prediction is still running. Wait for its last draw, or press Stop."
        return "The prediction stopped early. Press Continue in the Predict dock."

    def _begin(self, request: PredictRequest) -> None:
        self._so_far = self.progress = None
        self.request = request
        source = self._noting_failure(self._predict(request))
        self._stop = self._start_job(source, told=self._tell, result=self._take, ended=self._rest)

    def _noting_failure(
        self, source: Generator[Event | Result, None, Result]
    ) -> Generator[Event | Result, None, Result]:
        try:
            return (yield from source)
        except Exception as error:
            self._error = error  # told at the end, in the thread of the caller
            raise

    def _tell(self, event: Event | Result) -> None:
        match event:
            case Progress():
                self.progress = event
            case Result():
                self._drew = True
                self._so_far = event
                self.drawn.emit(event)

    def _take(self, whole: Result) -> None:
        self._so_far = None
        self.drawn.emit(whole)

    def _rest(self) -> None:
        request, so_far = self.request, self._so_far
        assert request is not None  # it has just ended
        # If it failed after all draws, completing it would fail again.
        is_part = so_far is not None and (self.is_stopping or so_far.n_draws < request.n_draws)
        if so_far is not None and is_part and self._keeps:
            self._keeps = False  # completing it draws nothing new, and is tried once
            self.is_stopping = True
            self._begin(request.with_draws(so_far.n_draws))
            return
        self.failure = self._error
        self.drew_nothing = self.is_stopping and self._keeps and not self._drew
        self._stop = _nothing
        self._so_far = self.progress = None
        self.is_stopping = False
        self.request = None


def _nothing() -> None:
    """Stop nothing: no job runs."""
