"""Work in threads of which only the newest counts: a click replaces what the last one asked for."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject

from napari_stem._napari.shell.worker import Job, start

if TYPE_CHECKING:
    from collections.abc import Callable, Generator


class Newest(QObject):
    """Runs generators in threads; the result of one that was replaced or dropped never arrives."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._job: Job | None = None

    def run(self, source: Generator[Any, None, Any], then: Callable[[Any], object]) -> None:
        """Run a generator instead of the one before, and pass its result to `then`."""
        self.drop()
        self._job = job = start(source, self)
        job.result.connect(partial(self._pass_on, job, then))
        job.ended.connect(partial(self._forget, job))

    def drop(self) -> None:
        """Wait for nothing any more."""
        if self._job is not None:
            self._job.stop()
            self._job = None

    def _pass_on(self, job: Job, then: Callable[[Any], object], result: Any) -> None:
        if job is self._job:
            then(result)

    def _forget(self, job: Job) -> None:
        if job is self._job:
            self._job = None
