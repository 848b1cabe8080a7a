"""Workers of this machine: who they are, which GPU each sees, and what they keep of memory."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
import torch

from napari_stem.cohort.crew import Crew
from napari_stem.cohort.workers import hired
from napari_stem.errors import PanelError

_DASK_CUDA = """
from dask.distributed import LocalCluster

class LocalCUDACluster(LocalCluster):
    def __init__(self, **options):
        assert options["n_workers"] <= 2  # as on a machine with two GPUs
        super().__init__(**options, env={"PLACED_BY": "dask_cuda"})
"""


def test_each_worker_sees_one_gpu_and_may_keep_memory(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,7")
    monkeypatch.setattr("napari_stem.cohort.workers.AT_WORK", "json")  # what is loaded is no matter
    with hired(Crew(workers=2, threads=1)) as client:
        client.wait_for_workers(2, timeout=60)
        seen = client.run(os.getenv, "CUDA_VISIBLE_DEVICES")
        kept = client.run(os.getenv, "MALLOC_TRIM_THRESHOLD_")
    assert sorted(seen.values()) == ["4", "7"]
    assert set(kept.values()) == {str(256 << 20)}
    assert all(address.startswith("tcp://127.0.0.1:") for address in seen)


def test_workers_that_still_start_are_not_waited_for():
    """As where Ctrl+C comes early, or a mistake is found in what is asked for."""
    start = time.monotonic()
    with pytest.raises(PanelError), hired(Crew(workers=2, threads=1)):
        raise PanelError("no such gene")
    assert time.monotonic() - start < 5  # a busy machine; they start in ten


def test_dask_cuda_places_the_workers_of_several_gpus_where_it_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "dask_cuda.py").write_text(_DASK_CUDA)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)  # as on a machine with two
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with hired(Crew(threads=1)) as client:
        client.wait_for_workers(2, timeout=60)
        placed = client.run(os.getenv, "PLACED_BY")
    assert list(placed.values()) == ["dask_cuda"] * 2
    with hired(Crew(workers=3, threads=1)) as client:  # more than it has places for
        assert client.status == "running"
