"""The page of a training run: status, progress, loss curves and metrics."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QVBoxLayout,
    QWidget,
)

from napari_stem._napari.shell import hints
from napari_stem._napari.shell.dialogs import open_outside
from napari_stem._napari.shell.panel import button, complain
from napari_stem._napari.shell.progress_text import Remaining, in_words, stage_in_words
from napari_stem._napari.shell.worker import start
from napari_stem._napari.train import tasks
from napari_stem._napari.train.curves import TrainingCurves
from napari_stem._napari.train.metrics_table import MetricsTable
from napari_stem.errors import StemError
from napari_stem.events import Loss, Metrics, Progress
from napari_stem.text import counted
from napari_stem.training.run_folder import REPORT, Run, read_plan, read_run

if TYPE_CHECKING:
    from napari_stem._napari.train.controller import Trainings
    from napari_stem._napari.train.process import TrainingRun
    from napari_stem.events import Event

_REDRAW_MS = 250
_WORDS = {
    "running": "Running in another window or terminal.",
    "paused": "Paused. Resume continues where it stopped.",
    "interrupted": "Interrupted: its process ended unexpectedly. Resume continues from the last "
    "saved state, which is at most a minute older.",
}


class TrainingView(QWidget):
    """Shows one run; the running one is updated live."""

    def __init__(self, trainings: Trainings, theme: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.folder: Path | None = None
        self._trainings = trainings
        self._listened: TrainingRun | None = None
        self._waiting: list[Event] = []
        self._remaining = Remaining()
        self._step = 0
        self._timer = QTimer(self)
        self._timer.setInterval(_REDRAW_MS)
        self._build(theme)
        self._connect()

    def _build(self, theme: str) -> None:
        self.title = QLabel()
        self.state = QLabel()
        self.state.setWordWrap(True)
        self.state.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.bar = QProgressBar()
        self.curves = TrainingCurves(theme)
        self.metrics = MetricsTable()
        self.metrics_note = QLabel()
        self.pause_button = button("Pause", "Save the state and stop. Resume continues from there.")
        self.stop_button = button(
            "Stop and keep",
            "Stop training. The best weights so far are evaluated and saved as the checkpoint.",
        )
        self.report_button = button(
            "Open report",
            "Open the report of this run in the browser: what was done, how good it is, and which "
            "genes to believe.",
        )
        buttons = QHBoxLayout()
        buttons.addStretch()
        for part in (self.report_button, self.pause_button, self.stop_button):
            buttons.addWidget(part)
        layout = QVBoxLayout(self)
        for part in (self.title, self.state, self.bar):
            layout.addWidget(part)
        layout.addWidget(self.curves, 1)
        layout.addWidget(self.metrics_note)
        layout.addWidget(self.metrics)
        layout.addLayout(buttons)

    def _connect(self) -> None:
        self.pause_button.clicked.connect(self._pause_or_resume)
        self.stop_button.clicked.connect(self._stop)
        self.report_button.clicked.connect(self._open_report)
        self._trainings.changed.connect(self.refresh)
        self._trainings.told.connect(self._take)
        self._timer.timeout.connect(self._draw)

    def show_run(self, folder: Path) -> None:
        """Show a run with the events that it has recorded."""
        self.folder, self._step = folder, 0
        self.title.setText(f"<b>{folder.name}</b>{_team(folder)}")
        self.curves.clear()
        self.metrics.clear_methods()
        self.metrics_note.setText("Metrics appear after the first validation on held-out spots.")
        self._waiting = []
        job = start(tasks.read_curves(folder), self)
        job.result.connect(partial(self._take_history, folder))
        job.failed.connect(partial(complain, self.metrics_note))
        self.refresh()

    def refresh(self) -> None:
        """Show the status of the run, and the buttons that apply to it."""
        if self.folder is None:
            return
        live = self._live()
        self._listen(live)
        if live is not None:
            self._show_live(live)
        else:
            self._show_still()

    def _live(self) -> TrainingRun | None:
        running = self._trainings.running
        return running if running is not None and running.folder == self.folder else None

    def _listen(self, live: TrainingRun | None) -> None:
        if live is not None and live is not self._listened:
            self._timer.start()
            self._remaining = Remaining()
            self.bar.setRange(0, 0)
            self.bar.setFormat("Starting…")
        self._listened = live

    def _show_live(self, live: TrainingRun) -> None:
        self.state.setText(
            {
                "": "Running in the background. You can use napari meanwhile.",
                "pause": "Pausing: saving the state…",
                "finish": "Finishing: evaluating and saving the best weights so far…",
            }[live.asked]
        )
        self.bar.setVisible(True)
        self.report_button.setVisible(False)
        for part in (self.pause_button, self.stop_button):
            part.setVisible(True)
        self.pause_button.setText("Pause")
        self.pause_button.setEnabled(live.asked != "pause")
        self.stop_button.setEnabled(not live.asked and self._step > 0)

    def _show_still(self) -> None:
        self._draw()
        self._timer.stop()
        self.bar.setVisible(False)
        assert self.folder is not None
        try:
            run = read_run(self.folder)
        except StemError as error:
            is_there = self.folder.exists()
            self.state.setText(hints.in_words(error) if is_there else "This run was deleted.")
            resumable = False
        else:
            self.state.setText(_words(run))
            resumable = run.is_resumable
        self.report_button.setVisible((self.folder / REPORT).is_file())
        free = self._trainings.running is None
        self.pause_button.setText("Resume")
        for part in (self.pause_button, self.stop_button):
            part.setVisible(resumable)
        self.pause_button.setEnabled(free)
        self.stop_button.setEnabled(free and self._step > 0)

    def _take(self, event: Event) -> None:
        if self._live() is not None:
            self._waiting.append(event)

    def _take_history(self, folder: Path, events: list[Event]) -> None:
        if folder != self.folder:
            return  # another run is shown by now
        self._waiting = [*events, *self._waiting]
        self._draw()
        self.refresh()

    def _draw(self) -> None:
        """Show the events since the last update."""
        first = not self._step
        events, self._waiting = self._waiting, []
        if any(not isinstance(event, Progress) for event in events):
            self.curves.show_events(events)
        for event in events:
            match event:
                case Metrics():
                    self._show_metrics(event)
                case Progress():
                    self._show_progress(event)
                case Loss():
                    self._step = event.step
        if first and self._step and (live := self._live()) is not None:
            self._show_live(live)

    def _show_progress(self, progress: Progress) -> None:
        evaluating = progress.stage in ("sample", "summarise", "score")
        stage = "Evaluating" if evaluating else stage_in_words(progress)
        seconds = self._remaining.seconds(progress)
        left = "" if seconds is None else f", {in_words(seconds)} left"
        step = f", step {self._step:,}" if progress.stage == "train" else ""
        self.bar.setFormat(f"{stage}{step}: %p %{left}")
        self.bar.setRange(0, progress.total)
        self.bar.setValue(progress.done)

    def _show_metrics(self, told: Metrics) -> None:
        self.metrics_note.setText(
            f"Metrics on held-out spots at step {told.step:,} (mean of "
            f"{counted(told.draws, 'draw')}), with baselines trained on the same data:"
        )
        self.metrics.show_methods(told.methods, told.ceilings)

    def _pause_or_resume(self) -> None:
        live = self._live()
        if live is not None:
            live.pause()
        elif self.folder is not None:
            self._trainings.resume(self.folder)

    def _open_report(self) -> None:
        if self.folder is not None:
            open_outside(self.folder / REPORT)

    def _stop(self) -> None:
        live = self._live()
        if live is not None:
            live.finish()
        elif self.folder is not None:
            self._trainings.resume(self.folder, finish=True)


def _team(folder: Path) -> str:
    """On how many devices a run is trained, where these are several."""
    try:
        plan = read_plan(folder)
    except StemError:
        return ""  # its status tells what is wrong
    number = plan.devices * plan.nodes
    return f" on {counted(number, 'device')}" if number > 1 else ""


def _words(run: Run) -> str:
    if run.standing == "finished":
        place = Path(run.installed).stem if run.installed else run.name
        return f"Finished. Checkpoint '{place}' has the weights of step {run.step:,}."
    if run.standing == "failed":
        return f"Failed: {hints.by_names(run.reason)}"
    return _WORDS[run.standing]
