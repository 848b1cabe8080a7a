"""Run folders tell how a run stands, whatever ended it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import platformdirs
import pytest

from napari_stem.errors import TrainingError
from napari_stem.events import Event, Events, Loss, Metrics, Progress, Variation, finish
from napari_stem.training.event_lines import to_line
from napari_stem.training.plan import PanelChoice, SectionSource, TrainPlan
from napari_stem.training.run_folder import (
    STATE,
    create_run,
    delete_run,
    free_path,
    held,
    install,
    list_runs,
    read_plan,
    read_run,
    safe_name,
    write_status,
)
from napari_stem.training.run_history import HISTORY, read_history, recorded

PLAN = TrainPlan(
    (SectionSource("/data/C2.h5ad", "/data/C2.jpg", 0.5), SectionSource("generated:1")),
    held_out=(SectionSource("/data/C3"),),
    panel=PanelChoice("list", genes=("EPCAM", "ACTB")),
    weights={"uni": "/weights/uni.bin"},
    fit={"minutes": 1.5},
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    create_run(tmp_path / "run", PLAN)
    return tmp_path / "run"


def test_a_plan_is_read_as_it_was_written(folder: Path):
    assert read_plan(folder) == PLAN
    assert [source.name for source in PLAN.sections] == ["C2", "generated-1"]


def test_a_folder_keeps_one_plan_and_may_change_its_device(folder: Path):
    (folder / STATE).touch()
    create_run(folder, replace(PLAN, device="cuda"))
    assert read_plan(folder).device == "cuda"
    with pytest.raises(TrainingError, match=r"other settings \(preset, draws\)"):
        create_run(folder, replace(PLAN, preset="paper", draws=3))


def test_a_run_that_never_started_gives_up_its_folder(folder: Path):
    write_status(folder, standing="failed", reason="a section is missing")
    with held(folder), pytest.raises(TrainingError, match="other settings"):
        create_run(folder, replace(PLAN, preset="paper"))  # it reads its sections just now
    create_run(folder, replace(PLAN, preset="paper"))
    assert read_run(folder).reason == ""
    assert read_plan(folder).preset == "paper"


def test_a_damaged_plan_is_named(folder: Path, tmp_path: Path):
    with pytest.raises(TrainingError, match="is not a run folder"):
        read_run(tmp_path)
    (folder / "plan.json").write_text("{}")
    with pytest.raises(TrainingError, match="training plan could not be read"):
        read_run(folder)
    assert [run.standing for run in list_runs(tmp_path)] == ["failed"]


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "7", '{"sections": 3}', '{"sections": [{"path": 3}], "panel": {}}']
)
def test_one_damaged_run_hides_no_other(folder: Path, text: str):
    other = folder.with_name("other")
    create_run(other, PLAN)
    (other / "plan.json").write_text(text)
    (folder / "status.json").write_text(text)
    os.utime(folder / "plan.json", (0, 0))  # a clock that jumps hides none, either
    os.utime(other / "plan.json", (2**33, 2**33))
    assert {run.name: run.standing for run in list_runs(folder.parent)} == {
        "run": "interrupted", "other": "failed"
    }  # fmt: skip


def test_a_damaged_standing_is_that_of_a_run_that_ended_without_a_word(folder: Path):
    for standing in ("dancing", None, ["finished"]):
        write_status(folder, standing=standing)
        assert read_run(folder).standing == "interrupted"


def test_a_run_whose_process_is_killed_is_interrupted(folder: Path):
    write_status(folder, standing="running")
    script = (
        "import sys, time, pathlib; from napari_stem.training.run_folder import held\n"
        "with held(pathlib.Path(sys.argv[1])): print('held', flush=True); time.sleep(600)"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", script, str(folder)], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    child.stdout.readline()
    assert read_run(folder).standing == "running"
    with pytest.raises(TrainingError, match="is already running"), held(folder):
        pass
    with pytest.raises(TrainingError, match="still running"):
        delete_run(folder)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    child.stdout.close()
    assert read_run(folder).standing == "interrupted"
    delete_run(folder)
    assert not folder.exists()


def test_many_who_look_at_once_do_not_take_each_other_for_a_running_run(folder: Path):
    write_status(folder, standing="finished")
    with held(folder):  # makes the lock
        pass
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: read_run(folder).standing, range(200)))
    assert set(found) == {"finished"}


def test_what_was_reported_again_after_a_kill_counts_once(folder: Path):
    before = [Loss(10, 0.9, 0.8), Metrics(10, 4, {}), Loss(20, 0.7, 0.6), Loss(30, 0.5, 0.4)]
    after = [Loss(20, 0.71, 0.61), Loss(30, 0.51, 0.41)]
    lines = [*map(to_line, before), '{"event":"Lo', "", *map(to_line, after)]
    (folder / HISTORY).write_text("\n".join(lines))
    assert read_history(folder) == [*before[:2], *after]


def test_metrics_of_an_evaluation_that_was_run_again_count_once(folder: Path):
    variation = Variation(30, ("A",), (1.0,), (1.0,), (1.0,), (1.0,))
    told = [Loss(30, 0.5, 0.4), Metrics(30, 4, {"Stem": {"mae": 1.0}}), variation]
    again = [Metrics(30, 4, {"Stem": {"mae": 0.9}}), variation]
    (folder / HISTORY).write_text("\n".join(map(to_line, [*told, *again])))
    assert read_history(folder) == [told[0], *again]


def test_the_history_keeps_validated_losses_and_passes_everything_on(folder: Path):
    told = [Progress(1, 3, "train"), *(Loss(i, 1.0, None if i % 10 else 0.5) for i in range(1, 41))]

    def events() -> Events[str]:
        yield from told
        return "result"

    passed: list[Event] = []
    assert finish(recorded(events(), folder), passed.append) == "result"
    assert passed == told
    kept = read_history(folder)
    assert {10, 20, 30, 40} <= {event.step for event in kept if isinstance(event, Loss)}
    assert len(kept) < len(told) - 10


def test_a_checkpoint_is_installed_once_under_the_name_of_its_run(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(platformdirs, "user_data_path", lambda *_: tmp_path / "home")
    with pytest.raises(TrainingError, match="has no checkpoint yet"):
        install(folder)
    (folder / "checkpoint.safetensors").write_bytes(b"weights")
    first = install(folder)
    assert first.name == "run.safetensors"
    assert first.read_bytes() == b"weights"
    assert install(folder) == first
    other = tmp_path / "elsewhere" / "run"
    create_run(other, PLAN)
    (other / "checkpoint.safetensors").write_bytes(b"other")
    assert install(other).name == "run-2.safetensors"


def test_names_are_those_that_every_file_system_takes(tmp_path: Path):
    assert safe_name("liver: 3/4 (new)") == "liver-3-4-new"
    assert safe_name("..") == "run"
    (tmp_path / "a.txt").touch()
    assert free_path(tmp_path / "a.txt") == tmp_path / "a-2.txt"
