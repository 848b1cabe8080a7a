"""The dock that predicts, in the order of the work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QSize, Qt
from qtpy.QtWidgets import QFrame, QProgressBar, QScrollArea, QVBoxLayout, QWidget

from napari_stem._napari.checkpoint_panel import CheckpointPanel
from napari_stem._napari.clusters_panel import ClustersPanel
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
        self._remaining = Remaining()
        self._build(napari_viewer)
        self._connect()
        self._rest()

    def _build(self, viewer: Viewer) -> None:
        self.slide = SlidePanel(viewer, self.workspace)
        self.spots = SpotsPanel(self.workspace)
        self.checkpoint = CheckpointPanel(self.workspace)
        self.settings = SettingsPanel()
        self.predict_button = button("Predict", "Predict the checkpoint's genes at the spots.")
        self.bar = QProgressBar()
        self.result = ResultPanel(self.workspace)
        self.clusters = ClustersPanel(self.workspace)
        page = QWidget()
        column = QVBoxLayout(page)
        column.setSpacing(4)
        for part in (
            self.slide, self.spots, self.checkpoint, self.settings, self.predict_button, self.bar,
            self.result, self.clusters,
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

    def sizeHint(self) -> QSize:
        """Narrow: napari's canvas needs the room."""
        return QSize(_WIDTH, super().sizeHint().height())

    def changeEvent(self, event: QEvent) -> None:
        """Stop when napari has taken the dock off: nobody could stop the work any more."""
        if event.type() == QEvent.Type.ParentChange and self.parent() is None and self._job:
            self._job.stop()
        super().changeEvent(event)

    def _request(self) -> PredictRequest:
        work = self.workspace
        assert work.slide is not None
        assert work.checkpoint is not None
        return PredictRequest(work.slide, work.spots, work.checkpoint, **self.settings.values())

    def _ready(self) -> bool:
        work = self.workspace
        return all(part is not None for part in (work.slide, work.spots, work.checkpoint))

    def _press(self) -> None:
        if self._job is None:
            self._start()
        else:
            self._job.stop()
            self.predict_button.setEnabled(False)
            self.predict_button.setText("Stopping…")

    def _start(self) -> None:
        self._remaining = Remaining()
        self._job = start(self._request().events(), self)
        self._job.told.connect(self._show)
        self._job.result.connect(self.workspace.take_result)
        self._job.ended.connect(self._rest)
        self._show_running(True)

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
        self._show_running(False)

    def _show_running(self, running: bool) -> None:
        for panel in (self.slide, self.spots, self.checkpoint, self.settings):
            panel.setEnabled(not running)
        self.bar.setVisible(running)
        self.bar.setRange(0, 0)
        self.predict_button.setText("Stop" if running else "Predict")
        self._offer()

    def _offer(self) -> None:
        self.predict_button.setEnabled(self._job is not None or self._ready())
