"""Another plugin in the same napari does not notice this one."""

from __future__ import annotations

import gc
import sys
from typing import Any

import pytest
from napari.viewer import Viewer
from qtpy.QtCore import QObject, QTimer
from qtpy.QtWidgets import QWidget

from napari_stem._napari.canvas.attach import workspace_of
from napari_stem._napari.shell.docks import open_dock, window_of

from . import canvas_mouse
from .conftest import CHECKPOINT, LEFT, is_busy

DOCKS = ("Predict", "Clusters", "Inspect", "Export", "Train", "Explore", "Cohort")
MIDDLE = (600, 600)


class Other(QWidget):
    """Another plugin's dock: it listens to the mouse and to keys, and watches the process."""

    def __init__(self, viewer: Viewer) -> None:
        super().__init__()
        self.heard: list[str] = []
        self.collects: set[bool] = set()
        timer = QTimer(self, interval=5)
        timer.timeout.connect(lambda: self.collects.add(gc.isenabled()))
        timer.start()
        viewer.mouse_double_click_callbacks.append(self.double_click)
        viewer.mouse_drag_callbacks.append(self.press)
        viewer.bind_key("Alt-I", lambda _: self.heard.append("key"))

    def double_click(self, viewer: Viewer, event: Any) -> None:
        self.heard.append("double click")

    def press(self, viewer: Viewer, event: Any) -> None:
        self.heard.append("press")


@pytest.fixture
def viewer(make_napari_viewer: Any) -> Viewer:
    return make_napari_viewer(show=True)


@pytest.fixture
def other(viewer: Viewer) -> Other:
    made = Other(viewer)
    viewer.window.add_dock_widget(made, name="Other")
    return made


def test_its_mouse_and_keys_stay_its_own(viewer, other, section, qtbot):
    clicks = list(viewer.mouse_double_click_callbacks)
    work = workspace_of(viewer)
    work.take_slide(section.slide)
    work.checkpoint = CHECKPOINT
    tool = open_dock(viewer, "Inspect").tool
    tool.switch(True)
    canvas_mouse.double_click(viewer, section.slide, MIDDLE)
    assert other.heard == ["press", "double click"]
    tool.switch(False)
    assert viewer.mouse_double_click_callbacks == clicks
    canvas_mouse.press_alt_i(viewer)
    assert other.heard[-1] == "key"
    assert not tool.is_on
    qtbot.waitUntil(lambda: not is_busy(viewer))


def test_the_process_and_the_viewer_are_as_they_were_after_a_prediction(
    viewer, other, section, trained, qtbot
):
    before, frozen = (state_of_process(), callbacks_of(viewer)), gc.get_freeze_count()
    docks = {name: open_dock(viewer, name) for name in DOCKS}
    predict, clusters = docks["Predict"], docks["Clusters"]
    predict.workspace.take_slide(section.slide)
    predict.workspace.spots = section.spots
    predict.checkpoint.open(trained.path)
    qtbot.waitUntil(predict.predict_button.isEnabled)
    predict.settings.draws.setValue(2)
    qtbot.mouseClick(predict.predict_button, LEFT)
    qtbot.waitUntil(clusters.leiden.cluster_button.isEnabled)
    qtbot.mouseClick(clusters.leiden.cluster_button, LEFT)
    qtbot.waitUntil(lambda: predict.workspace.clusters is not None)
    objects = window_of(viewer).findChildren(QObject)
    assert {each.thread() for each in objects} == {other.thread()}
    for dock in docks.values():
        viewer.window.remove_dock_widget(dock)
    qtbot.waitUntil(lambda: not is_busy(viewer))
    qtbot.waitUntil(lambda: (state_of_process(), callbacks_of(viewer)) == before)
    assert gc.get_freeze_count() <= frozen
    assert other.collects == {True}


def state_of_process() -> list[Any]:
    """What belongs to all plugins of a process."""
    collector = gc.isenabled(), gc.get_threshold(), list(gc.callbacks)
    return [*collector, sys.getswitchinterval(), sys.getdlopenflags(), sys.excepthook]


def callbacks_of(viewer: Viewer) -> list[Any]:
    """Who listens to the mouse and to keys, in order."""
    mouse = ("double_click", "drag", "move", "wheel")
    lists = [list(getattr(viewer, f"mouse_{name}_callbacks")) for name in mouse]
    return [*lists, dict(viewer.keymap)]
