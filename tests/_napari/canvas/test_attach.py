"""A viewer's workspace predicts as long as the window is there."""

from __future__ import annotations

import time
from collections.abc import Iterator
from threading import Event

from napari_stem._napari.canvas.attach import workspace_of
from napari_stem._napari.shell.docks import open_dock
from napari_stem._napari.state.request import PredictRequest
from napari_stem.events import Progress

from ..conftest import CHECKPOINT, PATIENCE
from ..private_names import tasks_of


def test_a_viewer_has_one_workspace_and_docks_share_it(viewer):
    work = workspace_of(viewer)
    assert workspace_of(viewer) is work
    assert open_dock(viewer, "Predict").workspace is open_dock(viewer, "Clusters").workspace is work


def test_a_prediction_ends_with_the_window(viewer, qtbot, section):
    closed = Event()

    def predict(request: PredictRequest) -> Iterator[Progress]:
        try:
            while True:
                yield Progress(1, 2, "sample")
                time.sleep(0.01)
        finally:
            closed.set()

    work = workspace_of(viewer)
    work.run.start(PredictRequest(section.slide, section.spots, checkpoint=CHECKPOINT), predict)
    qtbot.waitUntil(lambda: work.run.progress is not None, timeout=PATIENCE)
    tasks = tasks_of(viewer)
    viewer.close()
    qtbot.waitUntil(closed.is_set, timeout=PATIENCE)
    qtbot.waitUntil(lambda: not tasks.is_busy(), timeout=PATIENCE)
