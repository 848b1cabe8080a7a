from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import napari, numpy
from qtpy.QtWidgets import QApplication
viewer = napari.Viewer(show=True)
viewer.add_image(numpy.zeros((9, 9)))
QApplication.processEvents()  # draws, which loads the driver's LLVM
from napari_stem._napari.shell.imports import load_triton_apart
load_triton_apart()
import napari_stem.prediction.predict
viewer.close()
"""


@pytest.mark.slow
def test_what_predicts_can_be_loaded_after_a_window_was_drawn(qapp):
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, timeout=300)
    assert done.returncode == 0, done.stderr.decode()[-2000:]
