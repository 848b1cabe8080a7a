"""The dock that predicts, in the order of the work."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QSize, Qt
from qtpy.QtWidgets import QFrame, QProgressBar, QScrollArea, QVBoxLayout, QWidget

from napari_stem._napari.checkpoint_panel import CheckpointPanel
from napari_stem._napari.clusters_panel import ClustersPanel
from napari_stem._napari.export_panel import ExportPanel
from napari_stem._napari.panel import button, ignore_wheel
from napari_stem._napari.remaining import Remaining, in_words
from napari_stem._napari.result import Result
from napari_stem._napari.result_panel import ResultPanel
from napari_stem._napari.settings_panel import SettingsPanel
from napari_stem._napari.slide_panel import SlidePanel
from napari_stem._napari.spots_panel import SpotsPanel
from napari_stem._napari.tasks import PredictRequest
from napari_stem._napari.worker import Job, start
from napari_stem._napari.workspace import Workspace
from napari_stem.events import Progress

if TYPE_CHECKING:
    from napari.viewer import Viewer

    from napari_stem.events import Event

_WIDTH = 300
# What the stages of the core do, for people.
_STAGES = {"load": "Loading the network", "embed": "Reading patches", "sample": "Drawing"}


class PredictDock(QScrollArea):
    """Slide, spots, checkpoint, Predict, result."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__()
        self.workspace = Workspace.of(napari_viewer)
        self._job: Job | None = None
        self._last: PredictRequest | None = None
        self._stopping = False
        self._remaining = Remaining()
        self._build(napari_viewer)
        self._connect()
        self._rest()

    def _build(self, viewer: Viewer) -> None:
        self.slide = SlidePanel(viewer, self.workspace)
        self.spots = SpotsPanel(viewer, self.workspace)
        self.checkpoint = CheckpointPanel(self.workspace)
        self.settings = SettingsPanel()
        self.predict_button = button("Predict", "Predict the checkpoint's genes at the spots.")
        self.bar = QProgressBar()
        self.result = ResultPanel(self.workspace)
        self.clusters = ClustersPanel(self.workspace)
        self.export = ExportPanel(viewer, self.workspace)
        page = QWidget()
        column = QVBoxLayout(page)
        column.setSpacing(4)
        for part in (
            self.slide, self.spots, self.checkpoint, self.settings, self.predict_button, self.bar,
            self.result, self.clusters, self.export,
        ):  # fmt: skip
            column.addWidget(part)
        column.addStretch()
        ignore_wheel(page)
        self.setWidget(page)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMinimumWidth(_WIDTH)

    def _connect(self) -> None:
        self.predict_button.clicked.connect(self._press)
        for name in ("slide", "spots", "checkpoint"):
            self.workspace.events[name].connect(self._offer)
        self.settings.changed.connect(self._offer)

    def sizeHint(self) -> QSize:
        """Narrow: napari's canvas needs the room."""
        return QSize(_WIDTH, super().sizeHint().height())

    def changeEvent(self, event: QEvent) -> None:
        """Stop when napari has taken the dock off: nobody could stop the work any more."""
        if event.type() == QEvent.Type.ParentChange and self.parent() is None and self._job:
            self._job.stop()
        super().changeEvent(event)

    def _request(self) -> PredictRequest | None:
        work = self.workspace
        if work.slide is None or work.spots is None or work.checkpoint is None:
            return None
        return PredictRequest(work.slide, work.spots, work.checkpoint, **self.settings.values())

    def _press(self) -> None:
        if self._job is None:
            request = self._request()
            assert request is not None  # the button is disabled without
            self.settings.keep()
            self._start(request)
            self._show_running(True)
        else:
            self._job.stop()
            self._say_stopping()

    def _start(self, request: PredictRequest) -> None:
        self._last = request
        self._remaining = Remaining()
        self._job = start(request.events(), self)
        self._job.told.connect(self._show)
        self._job.result.connect(self.workspace.take_result)
        self._job.ended.connect(self._rest)

    def _say_stopping(self) -> None:
        self._stopping = True
        self.predict_button.setEnabled(False)
        self.predict_button.setText("Stopping…")

    def _show(self, event: Event | Result) -> None:
        match event:
            case Progress():
                self._show_progress(event)
            case Result():
                if self.workspace.result is None:
                    self.ensureWidgetVisible(self.clusters)
                self.workspace.take_result(event)

    def _show_progress(self, progress: Progress) -> None:
        stage = _STAGES.get(progress.stage, progress.stage)
        self.bar.setRange(0, progress.total)  # 0 of 0 is shown as "busy"
        self.bar.setValue(progress.done)
        self.bar.setFormat(f"{stage} %p %" if progress.total else f"{stage}…")
        if not self.predict_button.isEnabled() or not progress.total:
            return
        done = f"{100 * progress.done // progress.total} %"
        seconds = self._remaining.seconds(progress)
        left = "" if seconds is None else f", {in_words(seconds)} left"
        self.predict_button.setText(f"Stop ({done}{left})")

    def _rest(self) -> None:
        self._job = None
        result = self.workspace.result
        if self._stopping and result is not None and result.prediction is None:
            self._stopping = False
            self._summarise(result.n_draws)
        else:
            self._stopping = False
            self._show_running(False)

    def _summarise(self, n_draws: int) -> None:
        """Make a whole prediction of the draws that are there; nothing is drawn for it."""
        assert self._last is not None
        self._start(replace(self._last, n_draws=n_draws))
        self.predict_button.setEnabled(False)

    def _show_running(self, running: bool) -> None:
        for panel in (self.slide, self.spots, self.checkpoint, self.settings):
            panel.setEnabled(not running)
        self.bar.setVisible(running)
        self.bar.setRange(0, 0)
        self._offer()

    def _offer(self) -> None:
        """Name what a press does now."""
        if self._job is not None:
            self.predict_button.setText("Stop")
            self.predict_button.setEnabled(True)
            return
        request = self._request()
        there = self._draws_for(request) if request else 0
        self.predict_button.setText(
            f"Continue ({there} of {request.n_draws} draws)"
            if request and 0 < there < request.n_draws
            else "Predict"
        )
        self.predict_button.setEnabled(request is not None)

    def _draws_for(self, request: PredictRequest) -> int:
        """Draws of the result that are the request's, too."""
        result = self.workspace.result
        if result is None or self._last is None or not request.continues(self._last):
            return 0
        return result.n_draws
