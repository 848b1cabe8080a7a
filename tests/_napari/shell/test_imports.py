"""Libraries load ahead of need, in a process that has none of them yet."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import tifffile


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("load", "module"),
    [("load_for_predicting", "napari_stem.prediction.predict"), ("load_for_clustering", "scanpy")],
)
def test_all_is_loaded_and_collection_goes_on(load, module):
    code = f"""
import gc, sys
from napari_stem._napari.shell.imports import {load}
from napari_stem.events import finish
finish({load}())
print(gc.isenabled(), "{module}" in sys.modules)
"""
    assert run(code) == "True True"


def test_a_slide_of_a_file_comes_with_what_napari_reads_it_with(tmp_path):
    path = tmp_path / "slide.tif"
    tifffile.imwrite(path, np.zeros((64, 64, 3), np.uint8), photometric="rgb", tile=(32, 32))
    code = f"""
import sys
from pathlib import Path
from napari_stem._napari.files import opening
from napari_stem.events import finish
finish(opening.open_slide(Path({str(path)!r})))
print("dask.array" in sys.modules)
"""
    assert run(code) == "True"


def test_stopping_midway_leaves_collection_as_it_was():
    code = """
import gc
from napari_stem._napari.shell.imports import load_for_predicting
for wanted in (True, False):
    gc.enable() if wanted else gc.disable()
    events = load_for_predicting()
    next(events)
    events.close()
    print(gc.isenabled())
"""
    assert run(code).split() == ["True", "False"]
