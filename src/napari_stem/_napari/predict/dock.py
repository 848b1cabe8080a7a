"""The dock that predicts, in the order of the work."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from weakref import ref

from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QLabel, QProgressBar, QSizePolicy
from superqt import QCollapsible

from napari_stem._napari.files.export_panel import ExportPanel
from napari_stem._napari.predict.checkpoint_panel import CheckpointPanel
from napari_stem._napari.predict.settings_panel import SettingsPanel
from napari_stem._napari.predict.slide_panel import SlidePanel
from napari_stem._napari.predict.spots_panel import SpotsPanel
from napari_stem._napari.predict.tasks import PredictRequest
from napari_stem._napari.results.result_keys import bind_result_keys
from napari_stem._napari.results.result_panel import ResultPanel
from napari_stem._napari.shell.dialogs import is_wanted
from napari_stem._napari.shell.docks import open_dock, unwrapped
from napari_stem._napari.shell.imports import load_for_predicting
from napari_stem._napari.shell.page import Page
from napari_stem._napari.shell.panel import button
from napari_stem._napari.shell.progress_text import Remaining, in_words, stage_in_words
from napari_stem._napari.shell.shortcuts import PREDICT, legend
from napari_stem._napari.shell.worker import Job, start
from napari_stem._napari.state.result import Result
from napari_stem._napari.state.session import are_same
from napari_stem._napari.state.workspace import Workspace
from napari_stem.events import Progress

if TYPE_CHECKING:
    from napari.viewer import Viewer

    from napari_stem.events import Event

_LONG_NAME = 16


class PredictDock(Page):
    """Slide, spots, checkpoint, Predict, result."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__()
        viewer = unwrapped(napari_viewer)
        self.workspace = Workspace.of(viewer)
        self._job: Job | None = None
        self._running: PredictRequest | None = None
        self._stopping = False
        self._remaining = Remaining()
        self._viewer = ref(viewer)
        self._build(viewer)
        self._connect()
        self._rest()
        start(load_for_predicting(), self)

    def _build(self, viewer: Viewer) -> None:
        self.slide = SlidePanel(viewer, self.workspace)
        self.spots = SpotsPanel(viewer, self.workspace)
        self.checkpoint = CheckpointPanel(self.workspace)
        self.settings = SettingsPanel()
        self.predict_button = button("Predict", "Predict the checkpoint's genes at the spots.")
        self.hint = QLabel()
        self.hint.setWordWrap(True)
        self.bar = QProgressBar()
        self.result = ResultPanel(self.workspace)
        self.clusters_button = button(
            "Clusters…", "Find, name and compare clusters of the predicted spots."
        )
        bind_result_keys(viewer, self.result)
        self.export = ExportPanel(viewer, self.workspace)
        self.fill(
            self.slide, self.spots, self.checkpoint, self.settings, self.predict_button, self.hint,
            self.bar, self.result, self.clusters_button, self.export, _keys(),
        )  # fmt: skip

    def _connect(self) -> None:
        self.predict_button.clicked.connect(self._press)
        self.clusters_button.clicked.connect(self._open_clusters)
        PREDICT.bind(self, self.predict_button.click, self.predict_button)
        for name in ("slide", "spots", "checkpoint"):
            self.workspace.events[name].connect(self._offer)
        self.settings.changed.connect(self._offer)
        for panel in (self.spots, self.checkpoint):
            panel.busy.connect(self._offer)
        for name in ("slide", "spots", "running"):
            self.workspace.events[name].connect(self._lock)
        self.workspace.events.running.connect(self._obey)
        self.workspace.events.slides.connect(self._forget_closed)

    def changeEvent(self, event: QEvent) -> None:
        """Stop when napari has taken the dock off: nobody could stop the work any more."""
        if event.type() == QEvent.Type.ParentChange and self.parent() is None and self._job:
            self._job.stop()
            self.workspace.release(self._running)
            self._running = None
        super().changeEvent(event)

    def _open_clusters(self) -> None:
        if (viewer := self._viewer()) is not None:
            open_dock(viewer, "Clusters")

    def _request(self) -> PredictRequest | None:
        work = self.workspace
        if work.slide is None or work.spots is None or work.checkpoint is None:
            return None
        return PredictRequest(work.slide, work.spots, work.checkpoint, **self.settings.values())

    def _press(self) -> None:
        if self._job is None:
            request = self._request()
            assert request is not None  # the button is disabled without
            if not self._may_replace(request):
                return
            self.settings.keep()
            self._start(request)
            self._show_running(True)
        else:
            self._stop()

    def _may_replace(self, request: PredictRequest) -> bool:
        """Ask where that loses edited clusters; more draws keep them."""
        clusters = self.workspace.clusters
        if clusters is None or not clusters.is_edited or self._draws_for(request):
            return True
        question = "A new prediction drops the clusters you edited; Export keeps them. Predict?"
        return is_wanted(self, "Predict", question)

    def _start(self, request: PredictRequest) -> None:
        self._running = request
        self._remaining = Remaining()
        self._job = start(request.events(), self)
        self.workspace.running = request
        self._job.told.connect(self._show)
        self._job.result.connect(self.workspace.take_result)
        self._job.ended.connect(self._rest)

    def _stop(self) -> None:
        assert self._job is not None
        self._job.stop()
        self._stopping = True
        self._say_stopping()

    def _say_stopping(self) -> None:
        self.predict_button.setEnabled(False)
        self.predict_button.setText("Stopping…")

    def _show(self, event: Event | Result) -> None:
        match event:
            case Progress():
                self._show_progress(event)
            case Result():
                if self.workspace.result is None and self._is_of_shown_slide():
                    self.ensureWidgetVisible(self.clusters_button)
                self.workspace.take_result(event)

    def _show_progress(self, progress: Progress) -> None:
        stage = stage_in_words(progress.stage)
        self.bar.setRange(0, progress.total)  # 0 of 0 is shown as "busy"
        self.bar.setValue(progress.done)
        what = stage if self._is_of_shown_slide() else f"{self._slide_name()}: {stage}"
        self.bar.setFormat(f"{what} %p %" if progress.total else f"{what}…")
        if not self.predict_button.isEnabled() or not progress.total:
            return
        done = f"{100 * progress.done // progress.total} %"
        seconds = self._remaining.seconds(progress)
        left = "" if seconds is None else f", {in_words(seconds)} left"
        self.predict_button.setText(f"Stop ({done}{left})")

    def _rest(self) -> None:
        request, stopped = self._running, self._stopping
        self._job, self._running, self._stopping = None, None, False
        session = self.workspace.session_of(request.slide) if request else None
        result = session.result if session else None
        if (
            (request and result and result.request is request and not result.prediction)
            # One of all draws that failed would fail again.
            and (stopped or result.n_draws < request.n_draws)
        ):
            # A whole prediction of the draws that are there; nothing is drawn for it.
            self._start(replace(request, n_draws=result.n_draws))
            self._say_stopping()
        else:
            self.workspace.release(request)
            self._show_running(False)

    def _is_of_shown_slide(self) -> bool:
        return self._running is not None and are_same(self._running.slide, self.workspace.slide)

    def _slide_name(self) -> str:
        name = self._running.slide.name if self._running else ""
        return name if len(name) <= _LONG_NAME else f"{name[: _LONG_NAME - 1]}…"

    def _lock(self) -> None:
        """Keep what is predicted with; other slides can be prepared meanwhile."""
        running = self.workspace.running
        ours = running is not None and are_same(running.slide, self.workspace.slide)
        self.slide.lock_scale(ours)
        self.spots.lock(ours)
        for panel in (self.checkpoint, self.settings):
            panel.setEnabled(running is None)

    def _forget_closed(self) -> None:
        """Stop to predict a slide that was closed."""
        if self._job and self._running and self.workspace.session_of(self._running.slide) is None:
            self._stop()

    def _show_running(self, running: bool) -> None:
        self._lock()
        self.bar.setVisible(running)
        self.bar.setRange(0, 0)
        self._offer()

    def _obey(self) -> None:
        """Wait for a rectangle, or a dock beside this one."""
        if self._job is None:
            self._offer()

    def _offer(self) -> None:
        """Name what a press does now, or why it does nothing."""
        request = self._request()
        lacking = request.checkpoint.lacking(request.slide) if request else ""
        self.hint.setText(lacking)
        self.hint.setVisible(bool(lacking))
        if self._job is not None:
            self.predict_button.setText("Stop")
            self.predict_button.setEnabled(True)
            return
        if wait := self._wait():
            self.predict_button.setText(wait)
            self.predict_button.setEnabled(False)
            return
        there = self._draws_for(request) if request else 0
        self.predict_button.setText(
            f"Continue ({there} of {request.n_draws} draws)"
            if request and 0 < there < request.n_draws
            else "Predict"
        )
        self.predict_button.setEnabled(request is not None and not lacking)

    def _wait(self) -> str:
        """What must end first."""
        if self.workspace.running is not None:
            return "Another prediction runs…"
        if self.spots.is_busy or self.checkpoint.is_busy:
            return "Waiting for spots and checkpoint…"
        return ""

    def _draws_for(self, request: PredictRequest) -> int:
        """Draws of the result that are the request's, too."""
        result = self.workspace.result
        if result is None or result.request is None or not request.continues(result.request):
            return 0
        return result.n_draws


def _keys() -> QCollapsible:
    """The keys, folded away."""
    made = QCollapsible("Keys", expandedIcon="▾", collapsedIcon="▸")
    made.setDuration(0)
    made.toggleButton().setToolTip("Keys that work wherever the focus is in the window.")
    made.layout().setContentsMargins(0, 0, 0, 0)
    label = QLabel(legend())
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
    made.addWidget(label)
    return made
