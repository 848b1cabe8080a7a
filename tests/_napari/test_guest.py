"""Another plugin in the same napari does not notice this one."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from napari.viewer import Viewer
from qtpy.QtCore import QObject
from qtpy.QtWidgets import QWidget

from napari_stem._napari.canvas.attach import workspace_of
from napari_stem._napari.shell.docks import open_dock, window_of

from . import canvas_mouse
from .conftest import CHECKPOINT, is_busy

MIDDLE = (600, 600)


class Other(QWidget):
    """Another plugin's dock: it listens to the mouse and to keys, and notes what it hears."""

    def __init__(self, viewer: Viewer) -> None:
        super().__init__()
        self.heard: list[str] = []
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


def test_the_process_is_as_it_was_and_widgets_live_in_their_thread(viewer, other, qtbot):
    before = sys.getswitchinterval(), sys.getdlopenflags()
    for name in ("Predict", "Clusters", "Inspect", "Export", "Train"):
        open_dock(viewer, name)
    qtbot.waitUntil(lambda: not is_busy(viewer))
    qtbot.waitUntil(lambda: (sys.getswitchinterval(), sys.getdlopenflags()) == before)
    objects = window_of(viewer).findChildren(QObject)
    assert {each.thread() for each in objects} == {other.thread()}
