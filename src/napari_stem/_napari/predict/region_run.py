"""Predicting a grid within a drawn rectangle, with its progress and Stop."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QProgressBar, QWidget

from napari_stem._napari.inspect import tasks
from napari_stem._napari.predict.tasks import PredictRequest
from napari_stem._napari.shell.panel import button
from napari_stem._napari.shell.progress_text import stage_in_words
from napari_stem._napari.shell.worker import Job, notify, start
from napari_stem._napari.state.result import Result
from napari_stem.errors import OptionError
from napari_stem.events import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from anndata import AnnData
    from numpy.typing import NDArray

    from napari_stem._napari.state.workspace import ChosenCheckpoint, Workspace
    from napari_stem.events import Event
    from napari_stem.slides.slide import Slide


class RegionRun(QWidget):
    """Shown while it works; what it predicts becomes the workspace's result."""

    ended = Signal()

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.workspace = workspace
        self._job: Job | None = None
        self._request: PredictRequest | None = None
        self._draws = 0  # of a prediction that is not whole yet
        self._stopping = False
        self.bar = QProgressBar()
        self.stop_button = button("Stop", "Stop, and keep what was drawn so far.")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.bar, 1)
        row.addWidget(self.stop_button)
        self.stop_button.clicked.connect(self.stop)
        self.hide()

    @property
    def is_running(self) -> bool:
        """Whether a prediction is on its way."""
        return self._job is not None

    def start(self, slide: Slide, corners: NDArray[Any], checkpoint: ChosenCheckpoint) -> None:
        """Predict a grid within a polygon of a slide (level-0 pixels)."""
        self._request, self._draws, self._stopping = None, 0, False
        self._run(
            tasks.lay_grid(slide, corners),
            then=partial(self._plan, slide, checkpoint),
            after=self._predict,
        )

    def stop(self) -> None:
        """End after the batch at work; what was drawn becomes a whole prediction."""
        if self._job is not None:
            self._stopping = True
            self.stop_button.setEnabled(False)
            self._job.stop()

    def abandon(self) -> None:
        """End, and show nothing more."""
        self.workspace.release(self._request)
        self._request = None
        self.stop()

    def _plan(self, slide: Slide, checkpoint: ChosenCheckpoint, spots: AnnData) -> None:
        self._request = PredictRequest(slide, spots, checkpoint, **tasks.settings())

    def _predict(self) -> None:
        request, work = self._request, self.workspace
        if request is None or self._stopping:
            self._rest()
        elif work.running is not None:
            notify(OptionError("Another prediction runs. Stop it first, or wait for its end."))
            self._rest()
        else:
            work.running = request
            work.take_spots(request.slide, request.spots, whole=work.all_spots)
            self._run(request.events(), then=self._take, after=self._summarise)

    def _summarise(self) -> None:
        """Make a whole prediction of the draws before Stop; nothing is drawn for it."""
        if self._request is None or not self._stopping or not self._draws:
            self._rest()
        else:
            request = replace(self._request, n_draws=self._draws)
            self._request = self.workspace.running = request
            self._run(request.events(), then=self._take, after=self._rest)

    def _rest(self) -> None:
        self._job = None
        self.workspace.release(self._request)
        self.hide()
        self.ended.emit()

    def _run(
        self,
        source: Generator[Any, None, Any],
        *,
        then: Callable[[Any], object],
        after: Callable[[], None],
    ) -> None:
        self._job = start(source, self)
        self._job.told.connect(self._show)
        self._job.result.connect(then)
        self._job.ended.connect(after)
        self.bar.setRange(0, 0)
        self.stop_button.setEnabled(not self._stopping)
        self.show()

    def _show(self, event: Event | Result) -> None:
        match event:
            case Progress():
                self.bar.setRange(0, event.total)  # 0 of 0 is shown as "busy"
                self.bar.setValue(event.done)
                stage = stage_in_words(event.stage)
                self.bar.setFormat(f"{stage} %p %" if event.total else f"{stage}…")
            case Result() if self._is_at_hand():
                self._draws = event.n_draws
                self.workspace.take_result(event)

    def _take(self, result: Result) -> None:
        if self._is_at_hand():
            self.workspace.take_result(result)

    def _is_at_hand(self) -> bool:
        return self._request is not None and self.workspace.slide is self._request.slide
