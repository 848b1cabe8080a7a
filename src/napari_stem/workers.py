"""Threads that compute side by side, one core each, while their caller waits asleep.

Torch splits every layer among its threads, which wait for each other, spinning, at the end of each.
The layers of a network are short: if another process is busy, a wait lasts as long as that process
runs, and two threads are 10 to 200 times slower than one (benchmarks/RESULTS.md). Workers split
batches instead, and meet only when they are done.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from itertools import islice
from threading import Event, Lock, Thread
from typing import Self, TypeVar

import torch

from napari_stem.events import Check, go_on

T = TypeVar("T")

HEARTBEAT = 0.1  # seconds
_lock = Lock()


class Stopped(BaseException):
    """Ends a job whose caller has gone."""


class Workers:
    """As many threads as cores if the CPU computes; else one, which feeds the device.

    Without `ahead`, a job is taken only when a worker is free for it.

    Attributes
    ----------
    number
        How many jobs run at once.
    ahead
        How many are taken before the first of them is done.
    """

    def __init__(self, device: torch.device, *, ahead: bool = True) -> None:
        on_cpu = device.type == "cpu"
        self.number = usual_threads() if on_cpu else 1
        self.ahead = 2 * self.number if ahead else self.number
        self._pool = ThreadPoolExecutor(self.number, "worker", _take_one_core if on_cpu else None)

    def iter_results(
        self, jobs: Iterable[Callable[[Check], T] | None]
    ) -> Generator[T | None, None, None]:
        """Run jobs side by side; their results in order, and None while the next is awaited.

        Jobs are taken from `jobs` a few ahead; None stands for one that is not ready yet. Closing
        the generator stops them at their next check; the error of a job is raised in its place.
        """
        stop, waiting, taken = Event(), deque[Future[T]](), iter(jobs)

        def check() -> None:
            if stop.is_set():
                raise Stopped

        try:
            while True:
                ready = True
                for job in islice(taken, self.ahead - len(waiting)):
                    if job is None:
                        ready = False
                        break
                    waiting.append(self._pool.submit(job, check))
                if ready and not waiting:
                    return
                if waiting and wait([waiting[0]], HEARTBEAT).done:
                    yield waiting.popleft().result()
                else:
                    yield None
        finally:
            stop.set()
            for future in waiting:
                future.cancel()
            wait(waiting)

    def iter_shared(self, jobs: Iterable[Callable[[Check], T]]) -> Generator[T, None, None]:
        """Run short jobs in the calling worker, and beside it in those that are free.

        Their results come in order. Jobs that no other worker has begun are done by the caller, so
        that it seldom waits where other processes keep the rest from the cores.
        """
        if self.number == 1:
            yield from (job(go_on) for job in jobs)
            return
        offered = [(job, self._pool.submit(job, go_on)) for job in jobs]
        try:
            own = {future: job(go_on) for job, future in reversed(offered) if future.cancel()}
            for _, future in offered:
                yield own[future] if future in own else future.result()
        finally:
            wait([future for _, future in offered if not future.cancel()])

    def run(self, job: Callable[[], T]) -> T:
        """The result of a short job, which one worker does while the caller waits asleep."""
        return self._pool.submit(job).result()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._pool.shutdown()


def computes_alone(device: torch.device) -> bool:
    """Whether a single CPU thread computes, so that other threads would only take its core."""
    return device.type == "cpu" and usual_threads() == 1


def usual_threads() -> int:
    """Torch's number of threads: what the user set, else the cores that this process may use.

    Asked in a new thread, because libraries with an OpenMP layer of their own (numba's) change the
    number of the thread that calls them.
    """
    with _lock, ThreadPoolExecutor(1) as new:
        return new.submit(torch.get_num_threads).result()


def _take_one_core() -> None:
    """Let the layers that this thread computes stay in it."""
    with _lock:
        usual = torch.get_num_threads()
        torch.set_num_threads(1)
        # Threads start with the number that was set last, wherever that was.
        restoring = Thread(target=torch.set_num_threads, args=(usual,))
        restoring.start()
        restoring.join()
