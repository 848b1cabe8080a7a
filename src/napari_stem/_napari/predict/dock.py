"""The Predict dock: slide, spots, checkpoint, prediction, result and export, from top to bottom."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from weakref import ref

from qtpy.QtWidgets import QLabel, QSizePolicy

from napari_stem._napari.canvas.attach import workspace_of
from napari_stem._napari.files.export_panel import ExportPanel
from napari_stem._napari.files.sessions_panel import SessionsPanel
from napari_stem._napari.predict.checkpoint_panel import CheckpointPanel
from napari_stem._napari.predict.resume_panel import ResumePanel
from napari_stem._napari.predict.run_bar import RunBar
from napari_stem._napari.predict.settings_panel import SettingsPanel
from napari_stem._napari.predict.slide_panel import SlidePanel
from napari_stem._napari.predict.spots_panel import SpotsPanel
from napari_stem._napari.predict.tasks import load, predict
from napari_stem._napari.results.result_keys import bind_result_keys
from napari_stem._napari.results.result_panel import ResultPanel
from napari_stem._napari.results.results_panel import ResultsPanel
from napari_stem._napari.shell.docks import open_dock, unwrapped
from napari_stem._napari.shell.fold import Fold
from napari_stem._napari.shell.page import Page, listen
from napari_stem._napari.shell.panel import button
from napari_stem._napari.shell.progress_text import PREDICTING, Remaining, in_words, share_done
from napari_stem._napari.shell.shortcuts import PREDICT, legend
from napari_stem._napari.shell.worker import message_of, start
from napari_stem._napari.state.request import PredictRequest
from napari_stem._napari.state.session import are_same

if TYPE_CHECKING:
    from napari.viewer import Viewer

    from napari_stem._napari.state.result import Result
    from napari_stem.events import Progress


_DOUBLE_CLICK = 0.5  # seconds, in which a second click is no Stop


class PredictDock(Page):
    """Panels for slide, spots, checkpoint, settings, result and export, and the Predict button."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__()
        viewer = unwrapped(napari_viewer)
        self.workspace = workspace_of(viewer)
        self._remaining = Remaining(PREDICTING)
        self._pressed = 0.0  # when Predict was
        self._said = ""  # how it ended, if without a result
        self._viewer = ref(viewer)
        self._build(viewer)
        self._connect()
        self._follow()
        self._fold_steps(self.workspace.result)
        start(load(), self).result.connect(self.settings.offer_devices)

    def _build(self, viewer: Viewer) -> None:
        self.sessions = SessionsPanel(viewer, self.workspace)
        self.resume = ResumePanel(self.workspace)
        self.slide = SlidePanel(viewer, self.workspace)
        self.spots = SpotsPanel(viewer, self.workspace)
        self.checkpoint = CheckpointPanel(self.workspace)
        self.settings = SettingsPanel(self.workspace)
        self.predict_button = button("Predict", "Predict the genes of the checkpoint at all spots.")
        self.hint = QLabel()
        self.hint.setWordWrap(True)
        self.bar = RunBar(self.workspace)
        self.results = ResultsPanel(self.workspace)
        self.result = ResultPanel(self.workspace)
        self.clusters_button = button(
            "Clusters…", "Open the Clusters dock, to find, name and compare clusters of spots."
        )
        bind_result_keys(viewer, self.result)
        self.export = ExportPanel(viewer, self.workspace)
        self.fill(
            self.sessions, self.resume,
            self.slide, self.spots, self.checkpoint, self.settings, self.predict_button, self.hint,
            self.bar, self.results, self.result, self.clusters_button, self.export, _keys(),
        )  # fmt: skip

    def _connect(self) -> None:
        self.predict_button.clicked.connect(self._press)
        self.clusters_button.clicked.connect(self._open_clusters)
        PREDICT.bind(self, self.predict_button.click, self.predict_button)
        for name in ("slide", "spots", "checkpoint"):
            listen(self, self.workspace.events[name], self._forget)
            listen(self, self.workspace.events[name], self._offer)
        self.settings.changed.connect(self._offer)
        for panel in (self.spots, self.checkpoint):
            panel.busy.connect(self._offer)
        for name in ("slide", "spots"):
            listen(self, self.workspace.events[name], self._lock)
        for slot in (self._fold_steps, self._reveal):
            listen(self, self.workspace.events.result, slot)
        run = self.workspace.run
        listen(self, run.events.request, self._follow)
        listen(self, run.events.progress, self._offer_stop)
        listen(self, run.events.is_stopping, self._offer)

    def _open_clusters(self) -> None:
        if (viewer := self._viewer()) is not None:
            open_dock(viewer, "Clusters")

    def _request(self) -> PredictRequest | None:
        work = self.workspace
        if work.slide is None or work.spots is None or work.checkpoint is None:
            return None
        return PredictRequest(
            work.slide,
            work.spots,
            work.checkpoint,
            self.settings.options(),
            self.settings.compute(),
            work.whole,
        )

    def _press(self) -> None:
        if self.workspace.run.request is not None:
            if time.monotonic() - self._pressed > _DOUBLE_CLICK:
                self.workspace.run.stop()
            return
        request = self._request()
        assert request is not None  # otherwise the button is disabled
        self.settings.keep()
        self._pressed = time.monotonic()
        self.workspace.predict(request, predict)

    def _follow(self) -> None:
        """Adapt to a prediction that has begun or ended."""
        self._remaining = Remaining(PREDICTING)
        run = self.workspace.run
        if run.request is not None:
            self._said = ""
        elif run.failure is not None:
            self._said = message_of(run.failure)
        elif run.drew_nothing:
            self._said = "Stopped before the first draw. There is no prediction."
        self._lock()
        self._offer()

    def _forget(self) -> None:
        """Forget how the last prediction ended, when another one is prepared."""
        self._said = ""

    def _fold_steps(self, result: Result | None, former: Result | None = None) -> None:
        """Leave one line of each step when there is a result, which then has the space."""
        if (result is None) is not (former is None):
            for panel in (self.slide, self.spots, self.checkpoint, self.settings):
                panel.fold(result is not None)
            self.settle()

    def _reveal(self, result: Result | None, former: Result | None) -> None:
        """Scroll to the result when the first draw of a slide arrives."""
        request = self.workspace.run.request
        if result is not None and former is None and result.request is request is not None:
            self.ensureWidgetVisible(self.clusters_button)

    def _lock(self) -> None:
        """Disable the controls that the running prediction uses; other slides stay editable."""
        running = self.workspace.run.request
        ours = running is not None and are_same(running.slide, self.workspace.slide)
        self.slide.lock(ours)
        self.spots.lock(ours)
        for panel in (self.checkpoint, self.settings):
            panel.setEnabled(running is None)

    def _offer(self) -> None:
        """Name the button after what it does now, or show why it is disabled."""
        request = self._request()
        lacking = request.checkpoint.lacking(request.slide) if request else ""
        said = lacking or self._said
        self.hint.setText(said)
        self.hint.setVisible(bool(said))
        if self.workspace.run.request is not None:
            self._offer_stop()
            return
        if self.spots.is_busy or self.checkpoint.is_busy:
            self.predict_button.setText("Waiting for spots or checkpoint…")
            self.predict_button.setEnabled(False)
            return
        there = self._draws_for(request) if request else 0
        self.predict_button.setText(
            f"Continue ({there} of {request.n_draws} draws)"
            if request and 0 < there < request.n_draws
            else "Predict"
        )
        self.predict_button.setEnabled(request is not None and not lacking)

    def _offer_stop(self) -> None:
        run = self.workspace.run
        self.predict_button.setEnabled(not run.is_stopping)
        how_far = self._how_far(run.progress)
        self.predict_button.setText("Stopping…" if run.is_stopping else f"Stop{how_far}")

    def _how_far(self, progress: Progress | None) -> str:
        if progress is None or not progress.total:
            return ""
        seconds = self._remaining.seconds(progress)
        left = "" if seconds is None else f", {in_words(seconds)} left"
        return f" ({int(100 * share_done(progress))} %{left})"

    def _draws_for(self, request: PredictRequest) -> int:
        """How many draws of the request the result has already."""
        session = self.workspace.session
        row = session.row_of(request)
        return 0 if row is None else session.kept[row].result.n_draws


def _keys() -> Fold:
    """A collapsed list of the keyboard shortcuts."""
    label = QLabel(legend())
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
    return Fold("Keyboard shortcuts", "They work wherever the focus is in the window.", label)
