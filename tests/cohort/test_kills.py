"""Programs, workers and schedulers are killed at any moment; reruns end as undisturbed runs do."""

from __future__ import annotations

import os
import random
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest

import napari_stem as stem
from napari_stem.io import read_spots
from napari_stem.training.train import TrainResult

DRAWING = {"n_draws": 20, "steps": 40}
_FLAGS = ("--draws", "20", "--sampler-steps", "40", "--device", "cpu")
_PATIENCE = 1000  # seconds for a program to end on a busy machine
_LONGEST = 40  # seconds within which a kill comes; some come after the end


@pytest.fixture(scope="module")
def undisturbed(
    saved: list[Path], trained: TrainResult, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed")
    done = stem.predict_cohort(
        saved, trained.path, folder, workers=0, cache=folder / "cache", device="cpu", **DRAWING
    )
    assert set(done.state) == {"done"}
    return folder


class Program:
    """The command, in a process of its own."""

    def __init__(self, slides: list[Path], checkpoint: Path, folder: Path, *more: str) -> None:
        self.folder = folder
        self._command = [
            sys.executable, "-m", "napari_stem", "cohort", *map(str, slides), "--checkpoint",
            str(checkpoint), "--out", str(folder / "out"), "--cache", str(folder / "cache"),
            *_FLAGS, *more,
        ]  # fmt: skip

    def start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self._command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def finish(self) -> str:
        """Run to the end, which must be a good one."""
        process = self.start()
        told, _ = process.communicate(timeout=_PATIENCE)
        assert process.returncode == 0, told
        return told

    def wait_for_work(self) -> None:
        """Until a slide is worked on."""
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            with suppress(OSError, pd.errors.EmptyDataError):
                if "running" in set(pd.read_csv(self.folder / "out" / "manifest.csv").state):
                    return
            time.sleep(0.2)
        raise AssertionError("no slide was begun")


def workers_of(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """The program's worker processes; none after its end."""
    found = []
    with suppress(psutil.NoSuchProcess):
        for child in psutil.Process(process.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                found += [child] if "spawn_main" in " ".join(child.cmdline()) else []
    return found


def assert_equal(folder: Path, undisturbed: Path) -> None:
    done = pd.read_csv(folder / "out" / "manifest.csv")
    assert set(done.state) == {"done"}
    for output in done.outputs:
        found, expected = (read_spots(place / output).X for place in (folder / "out", undisturbed))
        np.testing.assert_array_equal(found, expected)


def kill_program(process: subprocess.Popen[str]) -> None:
    """The program; its workers end with it."""
    workers = workers_of(process)
    process.kill()
    process.communicate()
    assert not psutil.wait_procs(workers, timeout=_PATIENCE)[1]


def kill_worker(process: subprocess.Popen[str]) -> None:
    """A worker; another one takes its work over, and the program ends well."""
    for worker in workers_of(process)[:1]:
        with suppress(psutil.NoSuchProcess):
            worker.kill()
    told, _ = process.communicate(timeout=_PATIENCE)
    assert process.returncode == 0, told


@pytest.mark.thorough
@pytest.mark.timeout(0)
@pytest.mark.parametrize("kill", [kill_program, kill_worker])
def test_a_kill_at_any_moment_costs_at_most_what_was_under_way(
    kill: Callable[[subprocess.Popen[str]], None], saved: list[Path], trained: TrainResult,
    undisturbed: Path, tmp_path: Path, times: int,
):  # fmt: skip
    for number in range(times):
        program = Program(saved, trained.path, tmp_path / str(number), "--workers", "1")
        process = program.start()
        with suppress(subprocess.TimeoutExpired):
            process.wait(random.uniform(0, _LONGEST))
        kill(process)
        program.finish()
        assert_equal(program.folder, undisturbed)


@contextmanager
def scheduler(
    port: int, n_workers: int, protocol: str = "tcp"
) -> Iterator[subprocess.Popen[bytes]]:
    """A scheduler and workers that somebody started by hand."""
    dask, address = [sys.executable, "-m", "dask"], f"{protocol}://127.0.0.1:{port}"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    host = ("--host", f"{protocol}://127.0.0.1", "--no-dashboard")
    first = subprocess.Popen([*dask, "scheduler", "--port", str(port), *host], **quiet)
    others = [
        subprocess.Popen([*dask, "worker", address, "--nthreads", "2", *host], **quiet)
        for _ in range(n_workers)
    ]
    try:
        yield first
    finally:
        for process in (*others, first):
            process.terminate()
        for process in (*others, first):
            process.wait(_PATIENCE)


@pytest.fixture
def port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.mark.thorough
@pytest.mark.timeout(0)
def test_workers_started_by_hand_go_on_after_their_scheduler_died(
    saved: list[Path], trained: TrainResult, undisturbed: Path, tmp_path: Path, port: int,
    times: int,
):  # fmt: skip
    where = ("--scheduler", f"tcp://127.0.0.1:{port}")
    for number in range(times):
        program = Program(saved, trained.path, tmp_path / str(number), *where)
        with scheduler(port, 2) as process:
            running = program.start()
            if number == 0:
                program.wait_for_work()
            else:  # at any moment, also before it is connected and after its end
                with suppress(subprocess.TimeoutExpired):
                    running.wait(random.uniform(0, _LONGEST))
            process.kill()
            told, _ = running.communicate(timeout=_PATIENCE)
        if number == 0 or running.returncode:
            assert running.returncode == 1, told
            assert "The scheduler is lost" in told or "No scheduler answers" in told
            assert "Traceback" not in told
        with scheduler(port, 2):
            program.finish()
        assert_equal(program.folder, undisturbed)


@pytest.fixture
def certificates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An authority of our own and a certificate of it, as dask's configuration names them."""
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl")
    named, fresh = tmp_path.joinpath, ("-newkey", "rsa:2048", "-nodes", "-subj")
    for command in (
        ["req", "-x509", *fresh, "/CN=authority", "-keyout", named("ca.key"), "-out",
         named("ca.pem")],
        ["req", *fresh, "/CN=machine", "-keyout", named("key.pem"), "-out", named("request")],
        ["x509", "-req", "-in", named("request"), "-CA", named("ca.pem"), "-CAkey",
         named("ca.key"), "-CAcreateserial", "-out", named("cert.pem")],
    ):  # fmt: skip
        subprocess.run(["openssl", *map(str, command)], check=True, capture_output=True)
    prefix = "DASK_DISTRIBUTED__COMM__"
    monkeypatch.setenv(f"{prefix}REQUIRE_ENCRYPTION", "true")
    monkeypatch.setenv(f"{prefix}TLS__CA_FILE", str(named("ca.pem")))
    for role in ("SCHEDULER", "WORKER", "CLIENT"):
        monkeypatch.setenv(f"{prefix}TLS__{role}__CERT", str(named("cert.pem")))
        monkeypatch.setenv(f"{prefix}TLS__{role}__KEY", str(named("key.pem")))


@pytest.mark.thorough
@pytest.mark.timeout(0)
def test_only_who_has_a_certificate_works_with_encrypted_workers(
    saved: list[Path], trained: TrainResult, undisturbed: Path, tmp_path: Path, port: int,
    certificates: None, monkeypatch: pytest.MonkeyPatch,
):  # fmt: skip
    where = ("--scheduler", f"tls://127.0.0.1:{port}")
    program, other = (Program(saved, trained.path, tmp_path / f, *where) for f in ("own", "other"))
    with scheduler(port, 2, "tls"):
        program.finish()
        assert_equal(program.folder, undisturbed)
        for variable in [name for name in os.environ if name.startswith("DASK_")]:
            monkeypatch.delenv(variable)
        stranger = other.start()
        told, _ = stranger.communicate(timeout=_PATIENCE)
    assert stranger.returncode == 1
    assert "No scheduler answers at 'tls://" in told


@pytest.mark.thorough
@pytest.mark.timeout(0)
def test_two_cohorts_share_a_cache(
    saved: list[Path], trained: TrainResult, undisturbed: Path, tmp_path: Path
):
    programs = [Program(saved, trained.path, tmp_path / name) for name in "ab"]
    for program in programs:
        program.folder.mkdir()
        (program.folder / "cache").symlink_to(tmp_path / "cache")
    (tmp_path / "cache").mkdir()
    running = [program.start() for program in programs]
    for process in running:
        told, _ = process.communicate(timeout=_PATIENCE)
        assert process.returncode == 0, told
    for program in programs:
        assert_equal(program.folder, undisturbed)
