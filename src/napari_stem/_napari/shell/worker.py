"""Runs a generator of events in a thread, as a napari task; the only place that starts threads."""

from __future__ import annotations

import atexit
import sys
from collections.abc import Generator
from dataclasses import dataclass
from threading import Lock
from traceback import clear_frames
from typing import Any
from weakref import WeakSet

from napari.qt.threading import create_worker
from napari.utils.notifications import ErrorNotification, notification_manager, show_error
from qtpy.QtCore import QObject, Qt, QThreadPool, Signal

from napari_stem._napari.shell.hints import by_names, in_words
from napari_stem.errors import StemError
from napari_stem.extras import repair_of

# The longest time that the window waits for the interpreter while a thread runs pure Python.
_SWITCH_SECONDS = 0.001
_MOST_MS = 10_000  # that the end of the program waits for threads; a batch takes less


@dataclass(frozen=True, slots=True)
class _Succeeded:
    result: Any


@dataclass(frozen=True, slots=True)
class _Failed:
    error: Exception


class _Brisk:
    """While a thread works here, others wait less for the interpreter; afterwards as before."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._users = 0
        self._former = self._ours = 0.0

    def __enter__(self) -> None:
        with self._lock:
            if not self._users:
                self._former = sys.getswitchinterval()
                sys.setswitchinterval(min(self._former, _SWITCH_SECONDS))
                self._ours = sys.getswitchinterval()
            self._users += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._users -= 1
            if not self._users and sys.getswitchinterval() == self._ours:
                sys.setswitchinterval(self._former)


_brisk = _Brisk()


class Job(QObject):
    """A generator that runs in a thread; its signals arrive in the main thread.

    It is deleted with its parent, a widget. Its connections then end at once, and the thread ends
    at the generator's next event. Errors are shown as notifications.
    """

    told = Signal(object)  # each value that the generator yields
    result = Signal(object)  # its return value; never after `stop`
    failed = Signal(object)  # the error that ended it, which was shown
    ended = Signal()  # it has succeeded, failed or stopped; always the last signal

    def __init__(self, source: Generator[Any, None, Any], parent: QObject) -> None:
        super().__init__(parent)
        self._worker = worker = create_worker(_as_values, source, _start_thread=False)
        _workers.add(worker)
        worker.yielded.connect(self._receive)
        worker.finished.connect(self.ended)
        # napari never closes the generator of an aborted worker. In the worker's own thread:
        worker.aborted.connect(lambda: _close(source), Qt.ConnectionType.DirectConnection)
        # Warnings of libraries are not for users. To disconnect nobody is an error, and whether
        # napari is connected depends on the Qt.
        worker.warned.connect(_ignore)
        worker.warned.disconnect()
        self.destroyed.connect(worker.quit)

    def stop(self) -> None:
        """Close the generator at its next event."""
        self._worker.quit()

    def _receive(self, value: object) -> None:
        match value:
            case _Succeeded():
                self.result.emit(value.result)
            case _Failed():
                notify(value.error)
                self.failed.emit(value.error)
            case _:
                self.told.emit(value)


_workers: WeakSet[Any] = WeakSet()


@atexit.register
def _end_threads() -> None:
    """Let threads end before Qt deletes what they emit their last signals by."""
    for worker in [*_workers]:
        worker.quit()
    if _workers:
        QThreadPool.globalInstance().waitForDone(_MOST_MS)


def _ignore(_: object) -> None:
    """Hear nothing."""


def start(source: Generator[Any, None, Any], parent: QObject) -> Job:
    """Run a generator in a thread. Connect to the job's signals before control returns to Qt."""
    job = Job(_briskly(source), parent)
    job.ended.connect(job.deleteLater)  # which also frees its listeners
    job._worker.start()
    return job


def notify(error: Exception) -> None:
    """Show an error: as a message if the user can act on it, any other as a bug with traceback."""
    if advice := _advice(error):
        show_error(advice)
    else:
        notification_manager.dispatch(ErrorNotification(error))


def message_of(error: Exception) -> str:
    """An error as one text, for a line in a dock."""
    return _advice(error) or by_names(f"Unexpected error: {error or type(error).__name__}")


def _advice(error: Exception) -> str:
    """What is wrong and what to do; "" for a bug."""
    if isinstance(error, StemError):
        return in_words(error)
    return repair_of(error) if isinstance(error, ImportError) else ""


def _briskly(source: Generator[Any, None, Any]) -> Generator[Any, None, Any]:
    with _brisk:
        return (yield from source)


def _as_values(source: Generator[Any, None, Any]) -> Generator[Any, None, None]:
    """The events, then the outcome as a value: napari's workers lose a RuntimeError."""
    try:
        result = yield from source
    except Exception as error:  # noqa: BLE001  # the thread's boundary
        _let_go(error)
        yield _Failed(error)
    else:
        yield _Succeeded(result)


def _let_go(error: BaseException | None) -> None:
    """Free what failed, such as networks: napari and panels keep errors, to show them again."""
    while error is not None:
        clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__


def _close(source: Generator[Any, None, Any]) -> None:
    try:
        source.close()
    except Exception as error:  # noqa: BLE001  # the thread's boundary; notifications are thread-safe
        notify(error)
