"""Where a cohort is worked on: this process, this machine, a scheduler, or SLURM."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from multiprocessing import resource_tracker
from typing import Any

import dask
import torch
from distributed import Client, LocalCluster, Nanny, Status
from distributed.system import MEMORY_LIMIT
from distributed.utils import silence_logging_cmgr

from napari_stem.cohort.crew import LOOPBACK, REUSE, Crew, lanes
from napari_stem.cohort.slurm import slurm_cluster
from napari_stem.cohort.tasks import AT_WORK
from napari_stem.errors import CohortError
from napari_stem.text import one_line

PATIENCE = 10  # seconds for a scheduler to answer, and for workers to end
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
_CONFIG = {
    # Results are numbers and paths: what fills the memory of a worker cannot be spilled.
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.profile.enabled": False,  # looks at all threads a hundred times a second
    **{f"distributed.nanny.pre-spawn-environ.{name}": size for name, size in REUSE.items()},
}


@contextmanager
def hired(crew: Crew) -> Iterator[Client]:
    """A client of the scheduler whose workers do the work; what was started here ends here.

    Raises
    ------
    CohortError
        No scheduler answers, or no cluster can be started.
    OptionError
        An optional dependency is missing.
    """
    # A table shows what happens, which lines of a log would tear.
    with dask.config.set(_CONFIG), silence_logging_cmgr(logging.CRITICAL):
        if crew.scheduler:
            with _connected(crew.scheduler) as client:
                yield client
            return
        cluster = slurm_cluster(crew) if crew.slurm else _local(crew)
        try:
            # By its address: a client of the cluster itself waits until all workers have started.
            with _connected(cluster.scheduler_address, cluster.security) as client:
                yield client
        finally:
            with suppress(TimeoutError):  # what still starts ends with this process
                cluster.close(timeout=PATIENCE)


def dashboard(client: Client) -> str:
    """The address of the scheduler's page; "" where bokeh, which draws it, is not installed."""
    return client.dashboard_link if find_spec("bokeh") else ""


@contextmanager
def _connected(where: str, security: Any = None) -> Iterator[Client]:
    try:
        client = Client(where, security=security, timeout=PATIENCE, set_as_default=False)
    except (OSError, TypeError, ValueError) as error:  # the second where certificates are missing
        raise CohortError(
            f"No scheduler answers at '{where}': {one_line(error)}. Check the address and, of "
            "tls://, dask's certificates; or start one: dask scheduler."
        ) from error
    try:
        yield client
    finally:
        client.close(timeout=PATIENCE)


def _local(crew: Crew) -> LocalCluster:
    """Workers on this machine; those in processes of their own come later than this returns."""
    shared: dict[str, Any] = {
        "dashboard_address": f"{LOOPBACK}:0",
        "silence_logs": logging.CRITICAL,
    }
    if crew.workers == 0:
        n_lanes = lanes(crew.threads_of(1))
        return LocalCluster(n_workers=1, processes=False, threads_per_worker=n_lanes, **shared)
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    n_workers = crew.workers or max(gpus, 1)
    threads = crew.threads_of(n_workers)
    if n_workers <= gpus > 1 and find_spec("dask_cuda"):  # which has one worker per GPU
        from dask_cuda import LocalCUDACluster

        found: LocalCluster = LocalCUDACluster(
            n_workers=n_workers, threads_per_worker=lanes(threads), **shared
        )
        return found
    cluster: Any = _Local(
        n_workers=0, host=LOOPBACK, threads_per_worker=lanes(threads),
        memory_limit=MEMORY_LIMIT // n_workers, env=_environment(threads), preload=[AT_WORK],
        **shared,
    )  # fmt: skip
    cluster.loop.add_callback(_keep_from_interrupts)
    cluster.scale(n_workers)
    return cluster  # type: ignore[no-any-return]


def _keep_from_interrupts() -> None:
    """Let processes that this thread starts not hear Ctrl+C, which is for who started them."""
    if hasattr(signal, "pthread_sigmask"):  # not on Windows
        resource_tracker.ensure_running()  # whose start would undo it
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


class _Local(LocalCluster):
    """Workers of this machine, each of which sees one of its GPUs."""

    def __init__(self, **options: Any) -> None:
        self._nannies: list[Nanny] = []
        super().__init__(**options)  # type: ignore[no-untyped-call]

    def new_worker_spec(self) -> dict[Any, Any]:
        """The next worker."""
        made: dict[Any, Any] = super().new_worker_spec()  # type: ignore[no-untyped-call]
        ((name, spec),) = made.items()
        visible = os.environ.get("CUDA_VISIBLE_DEVICES", "")
        gpus = visible.split(",") if visible else [*map(str, range(torch.cuda.device_count()))]
        gpu = {"CUDA_VISIBLE_DEVICES": gpus[name % len(gpus)]} if gpus else {}
        options = {**spec["options"], "env": {**spec["options"]["env"], **gpu}}
        return {name: {**spec, "cls": self._begin, "options": options}}

    def close(self, timeout: float | None = None) -> Any:
        """End the workers; those that have not started do nothing that is worth waiting for."""
        if self.status is Status.running:
            self.sync(self._give_up)  # type: ignore[no-untyped-call]
        return super().close(timeout)

    def _begin(self, *where: Any, **options: Any) -> Nanny:
        nanny = Nanny(*where, **options)
        self._nannies.append(nanny)
        return nanny

    async def _give_up(self) -> None:
        for nanny in self._nannies:
            if nanny.status is not Status.running:
                nanny.close_gracefully()  # or another one would start in its place
                if nanny.process is not None and nanny.process.process is not None:
                    await nanny.process.process.kill()


def _environment(threads: int) -> dict[str, str]:
    """Threads of a worker's libraries, of which its tasks at one time share the worker's."""
    return dict.fromkeys(_THREADS, str(max(1, threads // lanes(threads))))
