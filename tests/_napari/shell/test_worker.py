from __future__ import annotations

import gc
import threading
import time
from collections.abc import Generator
from weakref import ref

import pytest
from qtpy.QtCore import QObject

from napari_stem._napari.shell.docks import window_of
from napari_stem._napari.shell.worker import Job, start
from napari_stem.errors import SpotsError
from napari_stem.events import Progress

from ..conftest import is_busy


class Work:
    """A generator that notes what it did, and in which thread it was closed."""

    def __init__(self, n: int, error: Exception | None = None) -> None:
        self.n, self.error = n, error
        self.done = 0
        self.closed_in: threading.Thread | None = None

    def events(self) -> Generator[Progress, None, str]:
        try:
            for i in range(self.n):
                time.sleep(0.005)
                self.done = i + 1
                yield Progress(i + 1, self.n, "work")
            if self.error:
                raise self.error
            return "result"
        finally:
            self.closed_in = threading.current_thread()


@pytest.fixture
def parent(viewer):
    return QObject(window_of(viewer))


def wait(job: Job, qtbot):
    with qtbot.waitSignal(job.ended):
        pass


def test_events_then_the_result_arrive_in_the_main_thread(parent, qtbot):
    job, told, threads = start(Work(3).events(), parent), [], set()
    job.told.connect(lambda event: told.append(event.done))
    job.result.connect(told.append)
    job.result.connect(lambda _: threads.add(threading.current_thread()))
    wait(job, qtbot)
    assert told == [1, 2, 3, "result"]
    assert threads == {threading.main_thread()}
    qtbot.waitUntil(lambda: not parent.children())


def test_stop_closes_the_generator_in_its_thread_at_the_next_event(parent, qtbot, viewer):
    work, results = Work(10_000), list[str]()
    job = start(work.events(), parent)
    job.result.connect(results.append)
    qtbot.waitSignal(job.told).wait()
    job.stop()
    done = work.done
    wait(job, qtbot)
    assert work.done <= done + 1
    assert work.closed_in not in (None, threading.main_thread())
    assert not results
    assert not is_busy(viewer)


def test_an_error_of_ours_is_one_line_for_the_user(parent, qtbot, viewer, messages):
    job = start(Work(1, SpotsError("spots are missing. Load some.")).events(), parent)
    wait(job, qtbot)
    assert messages == ["error: spots are missing. Load some."]
    assert not is_busy(viewer)


def test_an_error_of_torch_reaches_the_user_and_leaves_no_task(parent, qtbot, viewer, messages):
    job = start(Work(1, RuntimeError("CUDA error: out of memory")).events(), parent)
    wait(job, qtbot)
    assert messages == ["error: CUDA error: out of memory"]
    assert not is_busy(viewer)


def test_an_error_that_is_kept_keeps_nothing_that_failed_with_it(parent, qtbot, messages):
    alive, kept = [], []

    def events() -> Generator[Progress, None, None]:
        work = Work(0)  # as large as a network
        alive.append(ref(work))
        yield Progress(0, 1, "work")
        try:
            raise SpotsError(repr(work.n))
        except SpotsError as error:
            raise RuntimeError("of a library") from error

    job = start(events(), parent)
    job.failed.connect(kept.append)  # as napari does, too, to show it again
    wait(job, qtbot)
    gc.collect()
    assert "of a library" in messages[0]
    assert [str(error) for error in kept] == ["of a library"]
    assert alive[0]() is None


def test_work_ends_with_the_widget_that_wanted_it(parent, qtbot, viewer):
    work = Work(10_000)
    job = start(work.events(), parent)
    qtbot.waitSignal(job.told).wait()
    parent.deleteLater()
    qtbot.waitUntil(lambda: work.closed_in is not None)
    qtbot.waitUntil(lambda: not is_busy(viewer))


def test_work_ends_with_the_viewer(parent, qtbot, viewer):
    work = Work(10_000)
    job = start(work.events(), parent)
    qtbot.waitSignal(job.told).wait()
    viewer.close()
    qtbot.waitUntil(lambda: work.closed_in is not None)
    assert work.done < 10_000
