"""Work in a thread tells its caller what it does, and stops when nobody waits."""

from __future__ import annotations

import time
from itertools import count

import pytest

from napari_stem.aside import iter_aside
from napari_stem.events import Check, Event, Progress, finish


def test_a_job_is_told_of_while_it_runs_and_gives_its_result():
    done, events = [0], list[Event]()

    def job(check: Check) -> str:
        time.sleep(0.25)
        done[0] = 7
        return "result"

    assert finish(iter_aside(job, lambda: Progress(done[0], 7, "work")), events.append) == "result"
    assert Progress(0, 7, "work") in events


def test_closing_ends_the_job_at_its_next_check():
    reached = []

    def endless(check: Check) -> None:
        for number in count():
            reached.append(number)
            time.sleep(0.01)
            check()

    events = iter_aside(endless, lambda: Progress(0, 0, "work"))
    next(events)
    events.close()
    seen = len(reached)
    time.sleep(0.05)
    assert len(reached) == seen


def test_the_error_of_a_job_is_that_of_the_work():
    with pytest.raises(ZeroDivisionError):
        finish(iter_aside(lambda check: 1 // 0, lambda: Progress(0, 0, "work")))
