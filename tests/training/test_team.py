"""Several processes train what one does, and may take over from each other."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import torch

from napari_stem.checkpoints.checkpoint import load_checkpoint
from napari_stem.events import Loss, finish
from napari_stem.training.event_lines import from_line
from napari_stem.training.plan import PanelChoice, SectionSource, TrainPlan
from napari_stem.training.run import iter_run
from napari_stem.training.run_folder import CHECKPOINT, create_run, read_run
from napari_stem.training.run_history import read_history

STEPS = 250


@pytest.fixture(scope="module")
def plan(saved: list[Path]) -> TrainPlan:
    """A training of the small preset, with its dropout; 63 spots a batch are halved unevenly."""
    return TrainPlan(
        (SectionSource(str(saved[0])),), panel=PanelChoice("hvg", 6), device="cpu",
        fit={"steps": STEPS, "batch_size": 63},
    )  # fmt: skip


@pytest.fixture(scope="module")
def unbroken(plan: TrainPlan, embedded: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "one"
    create_run(folder, plan)
    finish(iter_run(folder, cache=embedded))
    return folder


def started(folder: Path, cache: Path, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [
            sys.executable, "-m", "napari_stem", "train", "--run", str(folder), "--cache",
            str(cache), "--events", "jsonl", "--listen",
        ],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, **environment},
    )  # fmt: skip


def assert_same(folder: Path, other: Path) -> None:
    """The same losses at the same steps, and the same weights, apart from rounding."""
    ours, theirs = (
        {each.step: each.value for each in read_history(run) if isinstance(each, Loss)}
        for run in (folder, other)
    )
    shared = sorted(ours.keys() & theirs.keys())
    assert shared
    assert [ours[step] for step in shared] == pytest.approx([theirs[step] for step in shared])
    weights, expected = (
        load_checkpoint(run / CHECKPOINT).network.state_dict() for run in (folder, other)
    )
    for name, value in weights.items():
        torch.testing.assert_close(value, expected[name], rtol=0, atol=1e-4)


def assert_gone(helpers: list[psutil.Process]) -> None:
    assert helpers
    _, alive = psutil.wait_procs(helpers, timeout=60)
    assert not alive


@pytest.mark.slow
def test_two_processes_go_on_for_one_and_one_for_two(
    plan: TrainPlan, unbroken: Path, embedded: Path, tmp_path: Path
):
    run = tmp_path / "run"
    create_run(run, plan)
    alone = iter_run(run, cache=embedded)
    paused = next(event.step for event in alone if isinstance(event, Loss) and event.step > 20)
    alone.close()
    create_run(run, replace(plan, devices=2))
    child = started(run, embedded)
    assert child.stdout is not None
    first = next(found for line in child.stdout if isinstance(found := from_line(line), Loss))
    helpers = psutil.Process(child.pid).children()
    _, told = child.communicate(timeout=500)  # its input ends, as when the parent process dies
    assert child.returncode == 130, told
    assert_gone(helpers)
    assert read_run(run).standing == "paused"
    assert paused < first.step < STEPS
    create_run(run, plan)
    finish(iter_run(run, cache=embedded))
    assert_same(run, unbroken)


@pytest.mark.thorough
def test_two_processes_end_in_the_same_as_one(
    plan: TrainPlan, unbroken: Path, embedded: Path, tmp_path: Path
):
    run = tmp_path / "run"
    create_run(run, replace(plan, devices=2))
    with started(run, embedded) as child:
        assert child.stdout is not None
        next(line for line in child.stdout if isinstance(from_line(line), Loss))
        helpers = psutil.Process(child.pid).children()
        child.stdout.read()
    assert child.returncode == 0
    assert_gone(helpers)
    assert_same(run, unbroken)


def by_hand(rank: int, port: int) -> dict[str, str]:
    """What a node is told where no launcher tells it."""
    return {"NODE_RANK": str(rank), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}


def by_torchrun(rank: int, port: int) -> dict[str, str]:
    """What torchrun tells the process of a node with one device."""
    places = {"RANK": rank, "GROUP_RANK": rank, "LOCAL_RANK": 0, "WORLD_SIZE": 2}
    told = {"TORCHELASTIC_RUN_ID": "run", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    return {**told, **{name: str(value) for name, value in places.items()}}


@pytest.mark.thorough
@pytest.mark.parametrize("launched", [by_hand, by_torchrun])
def test_two_nodes_end_in_the_same_as_one_process(
    launched: Callable[[int, int], dict[str, str]], plan: TrainPlan, unbroken: Path,
    embedded: Path, tmp_path: Path,
):  # fmt: skip
    run = tmp_path / "run"
    create_run(run, replace(plan, nodes=2))
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    nodes = [started(run, embedded, **launched(rank, port)) for rank in (1, 0)]  # in any order
    told = [node.communicate(timeout=500) for node in nodes]
    assert [node.returncode for node in nodes] == [0, 0], told
    assert_same(run, unbroken)


@pytest.mark.thorough
@pytest.mark.parametrize("killed", ["leader", "helper"])
def test_a_run_of_which_a_process_was_killed_ends_and_resumes(
    killed: str, plan: TrainPlan, unbroken: Path, embedded: Path, tmp_path: Path
):
    run = tmp_path / "run"
    create_run(run, replace(plan, devices=2))
    child = started(run, embedded)
    assert child.stdout is not None
    next(line for line in child.stdout if isinstance(from_line(line), Loss))
    helpers = psutil.Process(child.pid).children()
    (child if killed == "leader" else helpers[0]).kill()
    child.communicate(timeout=500)
    assert child.returncode != 0
    assert_gone(helpers)
    create_run(run, plan)
    finish(iter_run(run, cache=embedded))
    assert_same(run, unbroken)
