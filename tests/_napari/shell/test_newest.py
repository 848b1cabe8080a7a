"""Of work in threads, only what was asked for last arrives."""

from __future__ import annotations

import threading

from qtpy.QtCore import QObject

from napari_stem._napari.shell.newest import Newest


def test_only_the_newest_result_arrives(qapp, qtbot):
    parent, came, gate = QObject(), [], threading.Event()

    def slow(value):
        yield
        gate.wait()
        return value

    def quick(value):
        yield
        return value

    newest = Newest(parent)
    newest.run(slow("first"), came.append)
    newest.run(quick("second"), came.append)
    qtbot.waitUntil(lambda: bool(came))
    gate.set()
    newest.run(slow("dropped"), came.append)
    newest.drop()
    newest.run(quick("last"), came.append)
    qtbot.waitUntil(lambda: len(came) == 2)
    qtbot.waitUntil(lambda: len(parent.children()[0].children()) == 0)  # all threads have ended
    assert came == ["second", "last"]
