"""Events cross from one process to another as lines."""

from __future__ import annotations

import numpy as np
import pytest

from napari_stem.events import Event, Loss, Metrics, Partial, Progress, Variation
from napari_stem.training.event_lines import from_line, to_line


@pytest.mark.parametrize(
    "event",
    [
        Progress(3, 9, "embed", "morphology"),
        Loss(7, 0.25),
        Loss(7, 0.25, 0.5),
        Metrics(7, 4, {"Stem": {"mae": 0.1}, "k-NN": {"mae": 0.2}}),
        Variation(7, ("A", "B"), (1.0, 2.0), (0.5, 0.25), (1.5, 2.5), (0.1, 0.2)),
    ],
)
def test_an_event_is_read_as_it_was_written(event: Event):
    line = to_line(event)
    assert "\n" not in line
    assert from_line(line) == event
    assert from_line(line.encode() + b"\n") == event


def test_a_preview_comes_without_its_array():
    found = from_line(to_line(Partial(2, 20, np.ones((3, 4), np.float32))))
    assert isinstance(found, Partial)
    assert (found.draws, found.total, found.mean.size) == (2, 20, 0)


@pytest.mark.parametrize(
    "line", ["", "Warning: something", '{"event":"Loss","st', "[1]", '{"event":"Other"}', "3"]
)
def test_what_is_no_event_is_none(line: str):
    assert from_line(line) is None


def test_metrics_of_earlier_runs_are_read():
    line = '{"event":"Figures","step":7,"draws":4,"methods":{"Stem":{"mae":0.1}}}'
    assert from_line(line) == Metrics(7, 4, {"Stem": {"mae": 0.1}})
