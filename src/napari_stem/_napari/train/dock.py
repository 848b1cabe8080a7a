"""The Train dock: a list of training runs, and a button for a new one."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import ref

from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import (
    QAbstractItemView,
    QGridLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QWidget,
)

from napari_stem._napari.shell.dialogs import is_wanted, open_outside
from napari_stem._napari.shell.docks import unwrapped
from napari_stem._napari.shell.hints import by_names
from napari_stem._napari.shell.page import Page
from napari_stem._napari.shell.panel import button, complain
from napari_stem._napari.shell.progress_text import stage_in_words
from napari_stem._napari.shell.remembered import remembered
from napari_stem._napari.shell.worker import Job, start
from napari_stem._napari.train import tasks
from napari_stem._napari.train.controller import Trainings
from napari_stem._napari.train.dialog import TrainingDialog
from napari_stem.evaluation.metrics import BRIEF
from napari_stem.events import Progress
from napari_stem.storage import runs_dir
from napari_stem.training.run_folder import Run

if TYPE_CHECKING:
    from napari.viewer import Viewer

    from napari_stem.events import Event

_NOTHING = (
    "No training runs yet. Training needs sections: folders with slide, spots and counts, or "
    ".h5ad files next to their slides."
)


class TrainDock(Page):
    """A list of training runs, with buttons for the selected one."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__()
        viewer = unwrapped(napari_viewer)
        self._viewer = ref(viewer)
        self._trainings = Trainings.of(viewer)
        self._runs: list[Run] = []
        self._job: Job | None = None
        self._again = False  # the runs changed while they were read
        self._build()
        self._connect()
        self._offer()
        self.refresh()

    def _build(self) -> None:
        self.new_button = button("New training…", "Set up a run: sections, genes and options.")
        self.list = QListWidget()
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.list.setWordWrap(True)
        self.list.setSpacing(3)
        self.list.setToolTip("Runs on this computer, latest first. Double-click to show one.")
        self.note = QLabel(_NOTHING)
        self.note.setWordWrap(True)
        self.problem = QLabel()  # why the last step failed
        self.problem.setWordWrap(True)
        self.problem.hide()
        self.show_button = button("Show", "Show the loss curves and metrics of the selected run.")
        self.resume_button = button("Resume", "Continue the selected run where it stopped.")
        self.reveal_button = button("Open folder", "Open the folder of the selected run.")
        self.delete_button = button(
            "Delete…", "Delete the selected run. An installed checkpoint is kept."
        )
        self._actions = QWidget()
        grid = QGridLayout(self._actions)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.addWidget(self.show_button, 0, 0)
        grid.addWidget(self.resume_button, 0, 1)
        grid.addWidget(self.reveal_button, 1, 0)
        grid.addWidget(self.delete_button, 1, 1)
        self.fill(self.new_button, self.problem, self.note, self.list, self._actions)
        self.stretch(self.list)

    def _connect(self) -> None:
        self.new_button.clicked.connect(self._new)
        self.list.itemSelectionChanged.connect(self._offer)
        self.list.itemDoubleClicked.connect(self._show)
        self.show_button.clicked.connect(self._show)
        self.resume_button.clicked.connect(self._resume)
        self.reveal_button.clicked.connect(self._reveal)
        self.delete_button.clicked.connect(self._delete)
        self._trainings.changed.connect(self.refresh)
        self._trainings.told.connect(self._show_progress)

    def showEvent(self, event: QShowEvent) -> None:
        """Read the runs again, as a terminal may have added some."""
        super().showEvent(event)
        self.refresh()

    def dialog(self) -> TrainingDialog:
        """The training dialog of the viewer."""
        viewer = self._viewer()
        assert viewer is not None  # the dock is in its window
        return TrainingDialog.of(viewer)

    def refresh(self) -> None:
        """Read the runs."""
        self._again = self._job is not None
        if self._again:
            return
        self._job = start(tasks.find_runs(_folders()), self)
        self._job.result.connect(self._take)
        self._job.failed.connect(partial(complain, self.problem))
        self._job.ended.connect(self._rest)

    def _rest(self) -> None:
        self._job = None
        if self._again:
            self.refresh()

    def _take(self, runs: list[Run]) -> None:
        chosen = self._selected()
        self._runs = runs
        self.list.clear()
        for run in runs:
            item = QListWidgetItem(f"{run.name}\n{_words(run)}")
            item.setToolTip(by_names(run.reason) or str(run.folder))
            self.list.addItem(item)
            if chosen and run.folder == chosen.folder:
                item.setSelected(True)
        self.note.setVisible(not runs)
        self.list.setVisible(bool(runs))
        self._actions.setVisible(bool(runs))
        self._offer()

    def _selected(self) -> Run | None:
        rows = [index.row() for index in self.list.selectedIndexes()]
        return self._runs[rows[0]] if rows else None

    def _offer(self) -> None:
        run, running = self._selected(), self._trainings.running
        for part in (self.show_button, self.reveal_button):
            part.setEnabled(run is not None)
        still = run is not None and run.standing != "running"
        self.delete_button.setEnabled(still)
        self.resume_button.setEnabled(run is not None and run.is_resumable and running is None)

    def _show_progress(self, event: Event) -> None:
        running = self._trainings.running
        if isinstance(event, Progress) and event.total and running is not None:
            for row, run in enumerate(self._runs):
                if run.folder == running.folder and row < self.list.count():
                    share = f"{100 * event.done // event.total} %"
                    stage = stage_in_words(event)
                    self.list.item(row).setText(f"{run.name}\nrunning: {stage} {share}")

    def _new(self) -> None:
        self.dialog().show_setup()

    def _show(self) -> None:
        if run := self._selected():
            self.dialog().show_run(run.folder)

    def _resume(self) -> None:
        if run := self._selected():
            self._trainings.resume(run.folder)
            self._show()

    def _reveal(self) -> None:
        if run := self._selected():
            open_outside(run.folder)

    def _delete(self) -> None:
        run = self._selected()
        if run is None:
            return
        question = f"Delete the run '{run.name}' with its saved state and its curves?"
        if is_wanted(self, "Delete a training run", question):
            self.problem.hide()
            job = start(tasks.remove_run(run.folder), self)
            job.failed.connect(partial(complain, self.problem))
            job.ended.connect(self._trainings.changed)  # the dialog may show it too


def _folders() -> list[Path]:
    """The default folder of runs, and other folders in which runs were started."""
    return [runs_dir(), *map(Path, remembered("runs_folders", []))]


def _words(run: Run) -> str:
    if run.standing == "finished" and run.methods:
        metric = BRIEF[0]
        ours, ridge = (values[metric.name] for values in [*run.methods.values()][:2])
        return f"finished: {metric.heading} {ours:.2f} (ridge baseline {ridge:.2f})"
    if run.standing == "failed":
        return f"failed: {by_names(run.reason)}"
    return f"{run.standing}, can be resumed" if run.is_resumable else run.standing
