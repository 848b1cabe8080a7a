"""Workers share the cores, leave the threads of others alone, and stop when nobody waits."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from itertools import count
from threading import Barrier, Event, Thread, get_ident
from typing import TypeVar

import numba
import pytest
import torch

from napari_stem.events import Check
from napari_stem.workers import Workers

pytestmark = pytest.mark.usefixtures("two_threads")

T = TypeVar("T")
CPU = torch.device("cpu")


def results(jobs) -> list:
    with Workers(CPU) as workers:
        return [found for found in workers.iter_results(jobs) if found is not None]


def test_results_come_in_the_order_of_their_jobs():
    def job(number: int, check: Check) -> int:
        time.sleep(0.01 * (number % 3))
        return number

    assert results([lambda check, n=n: job(n, check) for n in range(1, 9)]) == list(range(1, 9))


def shared(workers: Workers, jobs: Iterable[Callable[[Check], T]]) -> list[T]:
    """As a worker gets them that shares its jobs."""
    return workers.run(lambda: list(workers.iter_shared(jobs)))


def test_a_worker_shares_its_jobs_with_one_that_is_free():
    both, threads = Barrier(2, timeout=60), []

    def job(number: int) -> int:
        threads.append(get_ident())
        both.wait()  # needs them at once
        return number

    with Workers(CPU) as workers:
        assert shared(workers, [lambda check, n=n: job(n) for n in range(6)]) == list(range(6))
    assert len(set(threads)) == 2


def test_a_worker_does_its_jobs_itself_while_no_other_is_free():
    release = Event()
    with Workers(CPU) as workers:
        busy = workers.iter_results([lambda check: release.wait(60)])
        assert next(busy) is None
        threads = shared(workers, [lambda check: get_ident()] * 3)
        assert len(set(threads)) == 1
        release.set()
        assert True in busy


def test_an_error_of_a_shared_job_comes_once_the_others_have_ended():
    both, ended = Barrier(2, timeout=60), []

    def failing(check: Check) -> None:
        both.wait()
        raise ValueError("damaged")

    def slow(check: Check) -> None:
        both.wait()
        time.sleep(0.2)
        ended.append(True)

    for jobs in ([failing, slow], [slow, failing]):
        ended.clear()
        with Workers(CPU) as workers:
            with pytest.raises(ValueError, match="damaged"):
                shared(workers, jobs)
            assert ended


def test_every_worker_computes_on_one_core_and_others_keep_theirs():
    def threads(check: Check) -> int:
        time.sleep(0.02)  # so that both workers take part
        return torch.get_num_threads()

    with Workers(CPU) as workers:
        assert workers.number == 2
        assert set(workers.iter_results([threads] * 6)) <= {1, None}
        started = []
        new = Thread(target=lambda: started.append(torch.get_num_threads()))
        new.start()
        new.join()
    assert started == [2]
    assert torch.get_num_threads() == 2


def test_workers_do_not_mind_that_numba_sets_the_threads_of_its_caller():
    @numba.njit(parallel=True)
    def total(n):
        found = 0
        for i in numba.prange(n):
            found += i
        return found

    def threads(check: Check) -> int:
        return torch.get_num_threads()

    torch.set_num_threads(3)
    with Workers(CPU) as workers:
        assert next(filter(None, workers.iter_results([threads]))) == 1
        assert total(100) == 4950
        assert workers.run(torch.get_num_threads) == 1
        assert Workers(CPU).number == 3


def test_a_device_is_fed_by_one_thread():
    assert Workers(torch.device("meta")).number == 1


def test_closing_stops_jobs_at_their_next_check():
    checks = []

    def endless(check: Check) -> None:
        for number in count():
            checks.append(number)
            time.sleep(0.01)
            check()

    with Workers(CPU) as workers:
        events = workers.iter_results(endless for _ in range(100))
        assert next(events) is None  # a sign of life while the first result is awaited
        start = time.monotonic()
        events.close()
        seen = len(checks)
        assert time.monotonic() - start < 1
        time.sleep(0.05)
        assert len(checks) == seen


def test_the_error_of_a_job_arrives_in_its_place():
    def job(number: int) -> int:
        return 6 // (3 - number)

    seen = []
    with Workers(CPU) as workers:
        found = workers.iter_results(lambda check, n=n: job(n) for n in range(6))
        with pytest.raises(ZeroDivisionError):
            seen.extend(result for result in found if result is not None)
    assert seen == [2, 3, 6]
