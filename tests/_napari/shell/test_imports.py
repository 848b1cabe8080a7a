"""Libraries load ahead of need, in a process that has none of them yet."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
    assert "has been deleted" not in done.stderr
    return done.stdout.strip()


LOAD = """
import gc, sys, threading, time
import napari, numpy
from qtpy.QtCore import QObject, QThreadPool
from qtpy.QtWidgets import QApplication
from napari_stem._napari.shell.docks import open_dock
from napari_stem._napari.shell.imports import load_triton_apart
from napari_stem._napari.shell.worker import start
HEAVY = {"torch", "anndata", "scanpy", "sklearn", "numba", "scipy.stats", "timm"}
waited_for = set()  # libraries that load while the window waits for them
class Watch:
    def find_spec(self, name, path=None, target=None):
        if threading.current_thread() is threading.main_thread():
            waited_for.update({name} & HEAVY)
viewer = napari.Viewer(show=True)
viewer.add_image(numpy.zeros((9, 9)))
QApplication.processEvents()  # draws, which loads the driver's LLVM
sys.meta_path.insert(0, Watch())
docks = [open_dock(viewer, name) for name in ("Cohort", "Explore", "Inspect", "Train")]
flags, collects, unchanged, over = sys.getdlopenflags(), set(), set(), threading.Event()
ours = threading.Event()  # other libraries change the flags while they are imported
def watch():
    while not over.wait(0.001):
        collects.add(gc.isenabled())
        if ours.is_set():
            unchanged.add(sys.getdlopenflags() == flags)
other = threading.Thread(target=watch)
other.start()
ours.set()
load_triton_apart()
ours.clear()
docks += [open_dock(viewer, name) for name in ("Predict", "Clusters", "Export")]
while QThreadPool.globalInstance().activeThreadCount():
    QApplication.processEvents()
QApplication.processEvents()
over.set()
loaded = {"napari_stem.prediction.predict", "scanpy"} <= set(sys.modules)
print(loaded, waited_for, collects, unchanged, sys.getdlopenflags() == flags)
viewer.close()
def work():
    while True:
        time.sleep(0.1)
        yield
alive = QObject()
start(work(), alive)
time.sleep(0.05)  # now the process ends, and this thread with it
"""


@pytest.mark.slow
def test_docks_load_all_after_a_window_was_drawn_in_threads_which_nobody_else_notices(qapp):
    assert run(LOAD) == "True set() {True} {True} True"


START = """
import napari, sys
from napari.utils.notifications import notification_manager
from qtpy.QtCore import QThreadPool
from qtpy.QtWidgets import QApplication
from napari_stem._napari.shell.docks import open_dock
said = []
notification_manager.notification_ready.connect(lambda told: said.append(told.message))
viewer = napari.Viewer(show=False)
dock, _ = open_dock(viewer, "Predict"), open_dock(viewer, "Clusters")
while QThreadPool.globalInstance().activeThreadCount():
    QApplication.processEvents()
QApplication.processEvents()
print(said, dock.result.markers.box.count() > 1)
viewer.close()
"""


@pytest.mark.thorough
def test_cold_starts_on_a_busy_machine_end_well(qapp, tmp_path, times):
    work = [sys.executable, "-c", "while True: pass"]
    busy = [subprocess.Popen(work) for _ in range(os.cpu_count() or 1)]
    try:
        for number in range(times):
            home = str(tmp_path / f"{number}")
            fresh = {**os.environ, "HOME": home, "XDG_CONFIG_HOME": home, "XDG_CACHE_HOME": home}
            done = subprocess.run(
                [sys.executable, "-c", START], env=fresh, capture_output=True, text=True, check=True
            )
            assert done.stdout.strip() == "[] True"
    finally:
        for each in busy:
            each.kill()
            each.wait()
