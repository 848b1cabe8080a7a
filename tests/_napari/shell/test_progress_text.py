from __future__ import annotations

import time

import pytest

from napari_stem._napari.shell.progress_text import (
    PREDICTING,
    Remaining,
    in_words,
    share_done,
    step_in_words,
)
from napari_stem.events import Event, Progress, finish
from napari_stem.prediction.options import PredictOptions
from napari_stem.prediction.predict import iter_predict


def test_the_rest_takes_as_long_a_unit_as_what_was_done(monkeypatch):
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    remaining = Remaining()
    assert remaining.seconds(Progress(50, 100, "embed")) is None  # found in a cache: no work
    now += 10
    assert remaining.seconds(Progress(60, 100, "embed")) == pytest.approx(40)
    assert remaining.seconds(Progress(0, 10, "sample")) is None
    now += 1
    assert remaining.seconds(Progress(1, 10, "sample")) is None  # too early to say


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "5 s"), (12, "10 s"), (57, "1 min"), (130, "2 min"), (5400, "1.5 h")],
)
def test_a_duration_is_said_as_precisely_as_it_is_known(seconds, words):
    assert in_words(seconds) == words


def test_a_file_that_hangs_is_named():
    hangs = Progress(3, 10, "embed", waiting="/share/a.svs")
    assert step_in_words(hangs) == "Step 2 of 4: Waiting for a.svs"


def test_the_steps_of_a_prediction_are_one_total_that_never_falls(monkeypatch):
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    remaining = Remaining(PREDICTING)
    told = [Progress(0, 0, "load"), Progress(0, 0, "load")]
    told += [Progress(done, 50, "embed") for done in (0, 25, 50)]
    told += [Progress(done, 200, "sample") for done in (0, 100, 200)]
    told += [Progress(done, 50, "summarise") for done in (0, 50)]
    shares = [share_done(progress) for progress in told]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0, pytest.approx(1))
    assert step_in_words(told[2]) == "Step 2 of 4: Computing patch features"
    remaining.seconds(told[2])
    now += 35
    # 35 s of patch features to come, and what follows, which takes 60 of 35 parts.
    assert remaining.seconds(told[3]) == pytest.approx(35 + 120, abs=1)


def test_a_prediction_of_several_fields_of_view_never_falls_back(section, trained):
    checkpoint, told = trained.checkpoint, list[Event]()
    assert sum(len(encoder.fields) for encoder in checkpoint.recipe.encoders) > 1
    few = section.spots[:9].copy()
    finish(iter_predict(section.slide, few, checkpoint, PredictOptions(n_draws=2)), told.append)
    shares = [share_done(event) for event in told if isinstance(event, Progress)]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1)
