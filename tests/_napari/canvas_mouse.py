"""Real mouse events on the canvas of a shown viewer."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.viewer import Viewer
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QWidget

from napari_stem.slides.slide import Slide

from .private_names import canvas_of

_LEFT = Qt.MouseButton.LeftButton
_STEPS = 4  # of a drag
_PAUSE = 20  # ms; napari drops moves that follow each other too closely


def on_canvas(viewer: Viewer, slide: Slide, xy: Any) -> QPoint:
    """Where a point of the slide (level-0 pixels) lies on the canvas, in screen pixels."""
    mpp, camera, size = slide.mpp or 1.0, viewer.scene.camera, canvas_of(viewer).size()
    column, row = (np.asarray(xy, float) - 0.5) * mpp
    _, centre_row, centre_column = camera.center
    x = size.width() / 2 + (column - centre_column) * camera.zoom
    y = size.height() / 2 + (row - centre_row) * camera.zoom
    return QPoint(round(x), round(y))


def click(viewer: Viewer, slide: Slide, xy: Any) -> None:
    QTest.mouseClick(_at(viewer, slide, xy), _LEFT, pos=on_canvas(viewer, slide, xy))
    QApplication.processEvents()


def double_click(viewer: Viewer, slide: Slide, xy: Any) -> None:
    """As a window system tells it: a click, then a double click and its release."""
    canvas, place = _at(viewer, slide, xy), on_canvas(viewer, slide, xy)
    QTest.mouseClick(canvas, _LEFT, pos=place)
    QTest.mouseDClick(canvas, _LEFT, pos=place)
    QApplication.processEvents()


def drag(
    viewer: Viewer,
    slide: Slide,
    start: Any,
    end: Any,
    modifier: Any = Qt.KeyboardModifier.NoModifier,
) -> None:
    drag_along(viewer, slide, np.linspace(start, end, _STEPS), modifier)


def drag_along(
    viewer: Viewer, slide: Slide, corners: Any, modifier: Any = Qt.KeyboardModifier.NoModifier
) -> None:
    canvas = _at(viewer, slide, corners[0])
    places = [on_canvas(viewer, slide, xy) for xy in corners]
    QTest.mousePress(canvas, _LEFT, modifier, places[0])
    for place in places[1:]:
        QTest.mouseMove(canvas, place)
        QTest.qWait(_PAUSE)
    QTest.mouseRelease(canvas, _LEFT, modifier, places[-1])
    QApplication.processEvents()


def press_key(viewer: Viewer, key: Qt.Key, modifier: Any = Qt.KeyboardModifier.NoModifier) -> None:
    QTest.keyClick(canvas_of(viewer), key, modifier)


def press_alt_i(viewer: Viewer) -> None:
    press_key(viewer, Qt.Key.Key_I, Qt.KeyboardModifier.AltModifier)


def _at(viewer: Viewer, slide: Slide, xy: Any) -> QWidget:
    """The canvas, with the mouse over the point."""
    canvas = canvas_of(viewer)
    QApplication.processEvents()
    QTest.mouseMove(canvas, on_canvas(viewer, slide, xy))
    QTest.qWait(_PAUSE)
    return canvas
