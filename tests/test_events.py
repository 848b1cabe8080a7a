"""Long work can be watched, finished and closed."""

from __future__ import annotations

import time

import pytest

from napari_stem.events import Event, Events, Pace, Progress, Seldom, finish, relay


def work(closed: list[bool]) -> Events[str]:
    try:
        yield Progress(1, 2, "work")
        yield Progress(2, 2, "work")
        return "result"
    finally:
        closed.append(True)


def test_finish_hands_on_every_event_and_returns_the_result():
    seen: list[Event] = []
    assert finish(work([]), seen.append) == "result"
    assert seen == [Progress(1, 2, "work"), Progress(2, 2, "work")]


def test_a_listener_that_fails_closes_the_work():
    closed: list[bool] = []

    def fail(event: Event) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        finish(work(closed), fail)
    assert closed == [True]


def test_pace_lets_the_first_event_pass_and_holds_the_next():
    pace = Pace(seconds=3600)
    assert [pace.due(), pace.due()] == [True, False]


def test_what_is_seldom_takes_a_tenth_of_the_time():
    seldom = Seldom()
    assert seldom.due()
    with seldom:
        time.sleep(0.02)
    assert not seldom.due()
    time.sleep(0.2 + 0.1)
    assert seldom.due()


def test_relayed_events_are_changed_or_left_out_and_the_result_stays():
    told: list[int] = []
    relayed = relay(work([]), lambda event: None if event.done == 1 else event.done)
    assert finish(relayed, told.append) == "result"
    assert told == [2]


def test_closing_what_is_relayed_closes_the_work():
    closed: list[bool] = []
    relayed = relay(work(closed), lambda event: event)
    next(relayed)
    relayed.close()
    assert closed == [True]
