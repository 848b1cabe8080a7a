"""Starts and watches the training of a viewer: one run at a time, paused when it closes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from napari.utils.notifications import show_info, show_warning
from qtpy.QtCore import QObject, Signal

from napari_stem._napari.canvas.attach import workspace_of
from napari_stem._napari.shell.docks import window_of
from napari_stem._napari.shell.hints import by_names, in_words
from napari_stem._napari.shell.worker import start
from napari_stem._napari.state.workspace import Workspace
from napari_stem._napari.train import tasks
from napari_stem._napari.train.process import TrainingRun
from napari_stem.errors import StemError
from napari_stem.training.run_folder import create_run, read_run, write_status

if TYPE_CHECKING:
    from napari.viewer import Viewer

    from napari_stem.training.plan import TrainPlan


class Trainings(QObject):
    """Starts and resumes training runs, and installs the checkpoints of finished ones."""

    changed = Signal()  # a run has begun or ended, or was asked to pause or finish
    told = Signal(object)  # an event of the run

    def __init__(self, window: QObject, workspace: Workspace) -> None:
        super().__init__(window)
        self.running: TrainingRun | None = None
        self._workspace = workspace

    @classmethod
    def of(cls, viewer: Viewer) -> Trainings:
        """The trainings of a viewer, made at the first call; they end with its window."""
        if viewer not in _trainings:
            window = window_of(viewer)
            made = _trainings[viewer] = cls(window, workspace_of(viewer))
            window.destroyed.connect(made.leave)
        return _trainings[viewer]

    def begin(self, folder: Path, plan: TrainPlan) -> TrainingRun:
        """Start a new run.

        Raises
        ------
        StemError
            The folder of the run cannot be made.
        """
        create_run(folder, plan)
        return self.resume(folder)

    def resume(self, folder: Path, *, finish: bool = False) -> TrainingRun:
        """Resume a run; with `finish`, only evaluate it and save its checkpoint."""
        assert self.running is None  # Resume is disabled while a run is running
        run = self.running = TrainingRun(folder)
        run.changed.connect(self.changed)
        run.told.connect(self.told)
        run.ended.connect(self._end)
        run.start(finish=finish)
        self.changed.emit()
        return run

    def leave(self) -> None:
        """Pause the run, which saves its state, when the window closes."""
        if self.running is not None:
            self.running.pause()

    def _end(self) -> None:
        run, self.running = self.running, None
        assert run is not None
        try:
            found = read_run(run.folder)
        except StemError as error:
            show_warning(in_words(error))
        else:
            if found.standing == "finished":
                job = start(tasks.install_checkpoint(run.folder), self)
                job.result.connect(self._announce)
            elif found.standing == "failed":
                show_warning(f"Training '{found.name}' failed: {by_names(found.reason)}")
            elif found.standing == "interrupted" and run.asked == "pause":
                write_status(run.folder, standing="paused")  # paused before its first step
            elif found.standing == "interrupted":
                reason = f" Last message: {by_names(run.error)}" if run.error else ""
                show_warning(
                    f"Training '{found.name}' ended unexpectedly. Resume it in the Train dock."
                    f"{reason}"
                )
        self.changed.emit()

    def _announce(self, path: Path) -> None:
        self._workspace.installed = path
        show_info(f"Training finished. Choose '{path.stem}' in the Predict dock.")


_trainings: WeakKeyDictionary[Viewer, Trainings] = WeakKeyDictionary()
