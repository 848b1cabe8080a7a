"""Workers share the cores, leave the threads of others alone, and stop when nobody waits."""

from __future__ import annotations

import time
from itertools import count
from threading import Thread

import numba
import pytest
import torch

from napari_stem.events import Check
from napari_stem.workers import Workers

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def two_threads():
    """The number that a user sets; it counts in threads that start later."""
    usual = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(usual)


def results(jobs) -> list:
    with Workers(CPU) as workers:
        return [found for found in workers.iter_results(jobs) if found is not None]


def test_results_come_in_the_order_of_their_jobs():
    def job(number: int, check: Check) -> int:
        time.sleep(0.01 * (number % 3))
        return number

    assert results([lambda check, n=n: job(n, check) for n in range(1, 9)]) == list(range(1, 9))


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
