from __future__ import annotations

import time

import pytest

from napari_stem._napari.shell.progress_text import Remaining, in_words
from napari_stem.events import Progress


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
