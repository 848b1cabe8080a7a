"""Predicts a grid in a dragged rectangle; shows its progress and a Stop button."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QWidget

from napari_stem._napari.inspect import tasks
from napari_stem._napari.predict.run_bar import RunBar
from napari_stem._napari.predict.tasks import predict
from napari_stem._napari.shell.page import listen
from napari_stem._napari.shell.panel import button
from napari_stem._napari.shell.worker import Job, notify, start
from napari_stem._napari.state.request import PredictRequest
from napari_stem._napari.state.session import are_same
from napari_stem.errors import OptionError

if TYPE_CHECKING:
    from anndata import AnnData
    from numpy.typing import NDArray

    from napari_stem._napari.state.checkpoint import ChosenCheckpoint
    from napari_stem._napari.state.workspace import Workspace
    from napari_stem.slides.slide import Slide


class RegionRun(QWidget):
    """Makes the grid and starts the workspace's prediction; visible while a prediction runs."""

    empty = Signal()  # no spot of the grid lies on tissue
    failed = Signal(object)  # the error by which no prediction began

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.workspace = workspace
        self._laying: Job | None = None
        self.bar = RunBar(workspace)
        self.stop_button = button("Stop", "Stop the prediction. The draws so far are kept.")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.bar, 1)
        row.addWidget(self.stop_button)
        self.stop_button.clicked.connect(workspace.run.stop)
        for name in ("request", "is_stopping"):
            listen(self, workspace.run.events[name], self.refresh)
        self.refresh()

    @property
    def is_running(self) -> bool:
        """Whether a grid is being made, or a prediction runs."""
        return self._laying is not None or self.workspace.run.request is not None

    def start(self, slide: Slide, corners: NDArray[Any], checkpoint: ChosenCheckpoint) -> None:
        """Predict a grid in a polygon of a slide; `corners` (m, 2) x, y in level-0 pixels."""
        self._laying = job = start(tasks.lay_grid(slide, corners, self.workspace.grid), self)
        job.result.connect(partial(self._predict, slide, checkpoint))
        job.failed.connect(self.failed)
        job.ended.connect(self._rest)

    def refresh(self) -> None:
        """Show the panel while a prediction runs, and enable Stop."""
        run = self.workspace.run
        self.setVisible(run.request is not None)
        self.stop_button.setEnabled(not run.is_stopping)

    def _predict(self, slide: Slide, checkpoint: ChosenCheckpoint, spots: AnnData | None) -> None:
        work = self.workspace
        if spots is None:
            self.empty.emit()
            return
        if not are_same(slide, work.slide):
            return  # another slide is shown by now
        request = PredictRequest(
            slide, spots, checkpoint, work.options, work.compute, work.all_spots, "Region"
        )
        try:
            work.predict(request, predict)
        except OptionError as error:
            notify(error)
            self.failed.emit(error)

    def _rest(self) -> None:
        self._laying = None
