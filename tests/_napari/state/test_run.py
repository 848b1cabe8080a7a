"""A prediction that is started, stopped, summarised and continued, without a window."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from napari_stem._napari.state.request import PredictRequest
from napari_stem._napari.state.result import Result
from napari_stem._napari.state.run import PredictionRun
from napari_stem._napari.state.workspace import Workspace
from napari_stem.errors import OptionError
from napari_stem.events import Progress
from napari_stem.prediction.options import PredictOptions

from ..conftest import CHECKPOINT


class Bench:
    """Does the work of a generator step by step, as a thread would between two of its events."""

    def __init__(self) -> None:
        self.sources: list[Generator[Any, None, Any]] = []

    def __call__(self, source, *, told, result, ended) -> Callable[[], None]:
        self.sources.append(source)
        self._told, self._result, self._ended = told, result, ended
        return source.close

    def step(self) -> None:
        source = self.sources[-1]
        try:
            event = next(source)
        except StopIteration as end:
            if end.value is not None:  # else it was closed
                self._result(end.value)
            self._ended()
        except RuntimeError:
            self._ended()
        else:
            self._told(event)

    def finish(self, run: PredictionRun) -> None:
        while run.request is not None:
            self.step()


class Predictor:
    """Draws ones; `fails_at` are draws at which its first, second, … prediction fails."""

    def __init__(self, *fails_at: int) -> None:
        self.fails_at = list(fails_at)
        self.asked: list[int] = []
        self.drawn = 0

    def __call__(self, request: PredictRequest) -> Generator[Any, None, Result]:
        self.asked.append(request.n_draws)
        fails_at = self.fails_at.pop(0) if self.fails_at else None
        mean = {"mean": np.ones((request.spots.n_obs, 1), np.float32)}
        so_far = Result(request.slide, request.spots, ("A",), "", mean, 0, request=request)
        for draw in range(1, request.n_draws + 1):
            if draw == fails_at:
                raise RuntimeError("CUDA out of memory")
            self.drawn = max(self.drawn, draw)
            yield Progress(draw, request.n_draws, "sample")
            yield replace(so_far, n_draws=draw)
        return replace(so_far, n_draws=request.n_draws, prediction=request.spots)


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def run(bench) -> PredictionRun:
    return PredictionRun(start_job=bench)


@pytest.fixture
def results(run) -> list[Result]:
    found: list[Result] = []
    run.drawn.connect(found.append)
    return found


@pytest.fixture
def request_(section) -> PredictRequest:
    return PredictRequest(
        section.slide, section.spots, checkpoint=CHECKPOINT, options=PredictOptions(n_draws=4)
    )


def test_it_tells_how_far_it_is_and_hands_on_what_was_drawn(run, bench, results, request_):
    seen = []
    run.events.progress.connect(lambda now: seen.append(now and now.done))
    run.start(request_, Predictor())
    assert run.request is request_
    bench.finish(run)
    assert seen == [1, 2, 3, 4, None]
    assert [result.n_draws for result in results] == [1, 2, 3, 4, 4]
    assert [result.prediction is not None for result in results] == [False] * 4 + [True]


def test_a_second_one_is_refused_and_the_first_goes_on(run, bench, results, request_):
    run.start(request_, Predictor())
    other = Predictor()
    with pytest.raises(OptionError, match="Another prediction is running"):
        run.start(replace(request_, options=PredictOptions(seed=1)), other)
    bench.finish(run)
    assert not other.asked
    assert results[-1].request is request_


def test_what_was_drawn_before_a_stop_becomes_a_whole_prediction(run, bench, results, request_):
    predictor = Predictor()
    run.start(request_, predictor)
    while not results:
        bench.step()
    run.stop()
    assert run.is_stopping
    bench.finish(run)
    assert predictor.asked == [4, 1]
    assert predictor.drawn == 1
    assert results[-1].prediction is not None
    assert results[-1].n_draws == results[-1].request.n_draws == 1
    assert not run.is_stopping


def test_a_stop_before_the_first_draw_leaves_nothing(run, bench, results, request_):
    predictor = Predictor()
    run.start(request_, predictor)
    bench.step()
    run.stop()
    run.stop()
    bench.finish(run)
    assert not results
    assert predictor.asked == [4]
    assert run.drew_nothing
    run.start(request_, predictor)
    assert not run.drew_nothing


def test_draws_before_a_failure_become_a_whole_prediction(run, bench, results, request_):
    run.start(request_, Predictor(3))
    bench.finish(run)
    assert (results[-1].n_draws, results[-1].prediction is not None) == (2, True)
    assert "CUDA out of memory" in str(run.failure)
    assert not run.drew_nothing


def test_a_failure_in_the_summary_ends_it(run, bench, results, request_):
    predictor = Predictor(3, 2)
    run.start(request_, predictor)
    bench.finish(run)
    assert predictor.asked == [4, 2]
    assert all(result.prediction is None for result in results)


def test_nothing_is_made_of_what_was_abandoned(run, bench, results, request_):
    predictor = Predictor()
    run.start(request_, predictor)
    while not results:
        bench.step()
    run.abandon()
    bench.finish(run)
    assert predictor.asked == [4]
    run.start(request_, Predictor())
    bench.finish(run)
    assert results[-1].n_draws == 4


def test_more_draws_continue_what_is_there(run, bench, results, request_):
    run.start(request_.with_draws(2), Predictor())
    bench.finish(run)
    run.start(request_, Predictor())
    bench.finish(run)
    former, more = (result for result in results if result.prediction is not None)
    assert more.continues(former)


def test_without_a_window_it_is_done_at_once(section, request_):
    work = Workspace()
    work.take_slide(section.slide)
    work.run.start(request_, Predictor())
    assert work.run.request is None
    assert work.result.n_draws == 4
    assert work.result.prediction is not None


def test_what_is_drawn_of_a_slide_reaches_it_while_another_is_shown(section, sections, request_):
    bench = Bench()
    work = Workspace(start_job=bench)
    work.take_slide(section.slide)
    work.run.start(request_, Predictor())
    work.take_slide(sections[1].slide)
    bench.finish(work.run)
    assert work.result is None
    assert work.session_of(section.slide).result.n_draws == 4


@pytest.mark.parametrize("leave", ["close", "rescale"])
def test_a_slide_that_is_gone_is_predicted_no_longer(section, request_, leave):
    bench = Bench()
    work = Workspace(start_job=bench)
    work.take_slide(section.slide)
    predictor = Predictor()
    work.run.start(request_, predictor)
    bench.step()
    bench.step()
    if leave == "close":
        work.close_slide(section.slide)
    else:
        work.rescale(section.slide.with_mpp(0.25))
    bench.finish(work.run)
    assert (predictor.asked, predictor.drawn) == ([4], 1)
    assert work.result is None
