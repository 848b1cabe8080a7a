"""A plot of many dots, in which a lasso is drawn."""

from __future__ import annotations

import time

import numpy as np
from qtpy.QtCore import QPoint, Qt

from napari_stem._napari.plots.scatter_plot import ScatterPlot

LEFT = Qt.MouseButton.LeftButton


def test_drawing_a_lasso_does_not_paint_the_dots_again(qapp, qtbot):
    plot = ScatterPlot("")
    qtbot.addWidget(plot)
    plot.resize(300, 190)
    plot.show()
    x, y = np.random.default_rng(0).random((2, 500_000), dtype=np.float32)
    plot.show_dots(x, y, ("A", "B"))
    first = seconds(plot.grab)
    qtbot.mousePress(plot, LEFT, pos=QPoint(50, 50))
    corners = [QPoint(50 + 20 * i, 60 + 50 * (i % 2)) for i in range(10)]
    moves = seconds(lambda: [draw_to(qtbot, plot, corner) for corner in corners])
    assert moves < first
    with qtbot.waitSignal(plot.lassoed) as selected:
        qtbot.mouseRelease(plot, LEFT, pos=corners[-1])
    assert 0 < selected.args[0].sum() < len(x)


def draw_to(qtbot, plot, corner) -> None:
    qtbot.mouseMove(plot, corner)
    plot.repaint()


def seconds(work) -> float:
    """Of this thread, whatever else the machine does."""
    start = time.thread_time()
    work()
    return time.thread_time() - start
