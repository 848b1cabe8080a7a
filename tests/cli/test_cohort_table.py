"""What a terminal shows of a cohort while it runs."""

from __future__ import annotations

import signal
from collections.abc import Generator
from io import StringIO
from pathlib import Path

import pytest
import typer
from rich.console import Console

from napari_stem.cli.cohort_table import run_cohort
from napari_stem.cli.signals import INTERRUPTED
from napari_stem.cohort.standing import AtWork, Standing, WorkerUse


def work() -> Generator[Standing, None, str]:
    """A cohort on a GPU and on a worker whose memory is full."""
    yield Standing(
        {"done": 3, "failed": 0, "waiting": 5, "running": 2},
        running=(AtWork("A1", "embed", "10.0.0.1:1", 30, 120), AtWork("B2", "draw", "10.0.0.2:1")),
        workers=(
            WorkerUse("10.0.0.1:1", cpu=1.5, memory=2 * 10**9, limit=8 * 10**9, gpu=0.53),
            WorkerUse("10.0.0.2:1", cpu=0.02, memory=7 * 10**9, limit=8 * 10**9, paused=True),
        ),
        slides_per_hour=120.0,
        seconds_left=210.0,
        dashboard="http://127.0.0.1:8787/status",
    )
    return "result"


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> StringIO:
    """What a terminal shows."""
    screen = StringIO()
    terminal = Console(file=screen, force_terminal=True, color_system=None, width=120)
    for module in ("cohort_table", "output"):
        monkeypatch.setattr(f"napari_stem.cli.{module}.console", terminal)
    return screen


def test_the_live_table_shows_states_rates_and_the_use_of_devices(tmp_path: Path, screen: StringIO):
    assert run_cohort(work(), tmp_path) == "result"
    lines = [" ".join(line.split()) for line in screen.getvalue().splitlines()]
    for line in (
        "dashboard: http://127.0.0.1:8787/status",
        "3 done 0 failed 5 waiting 2 running 120 slides/h 4 min left",
        "A1 embed 25 % 10.0.0.1:1",
        "10.0.0.1:1 150 % 53 % 2.0 GB of 8.0",
        "10.0.0.2:1 2 % 7.0 GB of 8.0, full: it waits",
    ):
        assert any(line in shown for shown in lines), (line, lines)


def test_ctrl_c_stops_the_work_and_says_how_to_go_on(tmp_path: Path, screen: StringIO):
    closed = []

    def interrupted() -> Generator[Standing, None, str]:
        try:
            signal.raise_signal(signal.SIGINT)
            yield Standing({"done": 3, "failed": 0, "waiting": 5, "running": 2})
        finally:
            closed.append(True)
        return "result"

    with pytest.raises(typer.Exit) as ended:
        run_cohort(interrupted(), tmp_path)
    assert ended.value.exit_code == INTERRUPTED
    assert closed
    said = f"Stopped; 3 of 10 slides done: {tmp_path}. The same command goes on from here."
    assert screen.getvalue().endswith(f"{said}\n")
