"""Runs training in a child process: starts it, reads its events, pauses or finishes it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Literal

from qtpy.QtCore import QCoreApplication, QObject, QProcess, Signal

from napari_stem.training.event_lines import from_line

Asked = Literal["", "pause", "finish"]
_SAVING_MS = 15_000  # at most; saving a state takes a second or two
_alive: set[TrainingRun] = set()


class TrainingRun(QObject):
    """A child process `napari-stem train --run FOLDER`.

    The status of the run is in its folder, however the process ended. It has no parent, since the
    process outlives its window while it saves its state.
    """

    told = Signal(object)  # an event of the run
    changed = Signal()  # it was asked to pause or finish
    ended = Signal()  # always the last signal

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        self.asked: Asked = ""
        self._errors = b""
        self._process = QProcess()
        self._process.readyReadStandardOutput.connect(self._read)
        self._process.readyReadStandardError.connect(self._read_errors)
        self._process.finished.connect(self._end)
        self._process.errorOccurred.connect(self._fail)

    @property
    def pid(self) -> int:
        """The child's process id."""
        return int(self._process.processId())

    @property
    def error(self) -> str:
        """The last line of the child's error output, "" if there is none."""
        lines = self._errors.decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else ""

    def start(self, *, finish: bool = False) -> None:
        """Start or resume; with `finish`, only evaluate and save the weights so far."""
        _alive.add(self)
        application = QCoreApplication.instance()
        if application is not None:
            application.aboutToQuit.connect(self._wait)
        command = ["-m", "napari_stem", "train", "--run", str(self.folder)]
        self._process.start(sys.executable, [*command, "--events", "jsonl", "--listen"])
        if finish:
            self.finish()

    def pause(self) -> None:
        """Ask the child to save its state and exit."""
        self._ask("pause")

    def finish(self) -> None:
        """Ask the child to evaluate and save the best weights so far, and exit."""
        self._ask("finish")

    def _ask(self, order: Asked) -> None:
        self.asked = order
        self._process.write(f"{order}\n".encode())
        self.changed.emit()

    def _read(self) -> None:
        while self._process.canReadLine():
            event = from_line(bytes(self._process.readLine().data()))
            if event is not None:
                self.told.emit(event)

    def _read_errors(self) -> None:
        self._errors = (self._errors + bytes(self._process.readAllStandardError().data()))[-4000:]

    def _fail(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart:
            self._errors = self._process.errorString().encode()
            self._end()

    def _end(self) -> None:
        self._read()
        _alive.discard(self)
        self.ended.emit()

    def _wait(self) -> None:
        """Let the child save its state before the application quits."""
        if self in _alive:
            self.pause()
            self._process.waitForFinished(_SAVING_MS)
