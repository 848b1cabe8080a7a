"""Memory of a window with one small slide, and how long its process takes to end.

    [xvfb-run -a] python benchmarks/footprint.py

Two processes open docks and a generated slide; the second one also predicts and clusters. Memory is
what is resident, and what of that is mapped from files such as libraries. The end is also told in
seconds that the process computes, which do not depend on what else the machine does.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

_CLOSING = "closing"
_PATIENCE = 600.0  # seconds


def measure(folder: Path, *, predicts: bool) -> None:
    """Run a window in a process of its own; print what it tells and how long it takes to end."""
    command = [sys.executable, __file__, "--child", str(folder), *["--predict"][:predicts]]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    for line in child.stdout:
        if line.startswith(_CLOSING):
            start, computed = time.monotonic(), float(line.split()[1])
        else:
            print(line, end="", flush=True)
    _, _, used = os.wait4(child.pid, 0)
    wall, computed = time.monotonic() - start, used.ru_utime + used.ru_stime - computed
    print(f"{'seconds to the end':>20}: {wall:6.1f}, computing {computed:.1f}", flush=True)


def open_window(folder: Path, *, predicts: bool) -> None:
    """Open napari, a slide and its spots, predict and cluster them, and close the window."""
    import napari
    from qtpy.QtCore import QThreadPool, QTimer

    from napari_stem._napari.canvas.attach import workspace_of
    from napari_stem._napari.shell.docks import open_dock

    viewer = napari.Viewer(show_welcome_screen=False)
    tell("napari")
    dock: Any = open_dock(viewer, "Predict")
    clusters: Any = open_dock(viewer, "Clusters")
    wait_for(lambda: not QThreadPool.globalInstance().activeThreadCount())
    tell("libraries")
    work = workspace_of(viewer)
    fill(work, folder)
    wait_for(dock.predict_button.isEnabled)
    tell("slide and spots")
    if predicts:
        dock.predict_button.click()
        wait_for(lambda: work.result is not None and work.result.prediction is not None)
        tell("prediction")
        clusters.leiden.cluster_button.click()
        wait_for(lambda: work.clusters is not None)
        tell("clusters")
    wait_for(lambda: not QThreadPool.globalInstance().activeThreadCount())
    print(_CLOSING, time.process_time(), flush=True)
    QTimer.singleShot(0, viewer.close)
    napari.run()


def fill(work: Any, folder: Path) -> None:
    """Open a generated slide with its spots, and a checkpoint that is trained for a few steps."""
    from napari_stem._napari.files.opening import describe_checkpoint
    from napari_stem.events import finish
    from napari_stem.sections.synthetic import generate_section

    section = generate_section("footprint", seed=0)
    work.take_slide(section.slide)
    work.spots = section.spots
    work.checkpoint = finish(describe_checkpoint(folder / "small.safetensors"))


def wait_for(done: Callable[[], object]) -> None:
    """Let the window react until something is done and drawn."""
    from qtpy.QtWidgets import QApplication

    end, drawn = time.monotonic() + _PATIENCE, 0.0
    while not drawn or time.monotonic() < drawn:
        QApplication.processEvents()
        time.sleep(0.002)
        if not drawn and done():
            drawn = time.monotonic() + 0.5
        if time.monotonic() > end:
            raise SystemExit("It does not end.")


def tell(stage: str) -> None:
    """Print the resident memory."""
    memory = psutil.Process().memory_info()
    print(
        f"{stage:>20}: {memory.rss / 1e6:6.0f} MB, of files {memory.shared / 1e6:5.0f}", flush=True
    )


def train_checkpoint(folder: Path) -> None:
    """Write a small checkpoint."""
    from napari_stem.api.training import train
    from napari_stem.checkpoints.recipe import make_recipe
    from napari_stem.sections.synthetic import generate_section

    section = generate_section("training", seed=1)
    panel = [gene for gene in section.spots.var_names if gene.isupper()][:40]
    made = train(section, make_recipe("small", panel, fit={"steps": 20}), folder, cache=False)
    made.path.rename(folder / "small.safetensors")


def main() -> None:
    from napari_stem.storage import CACHE_VARIABLE

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--child", type=Path)
    parser.add_argument("--predict", action="store_true")
    asked = parser.parse_args()
    if asked.child:
        open_window(asked.child, predicts=asked.predict)
        return
    with tempfile.TemporaryDirectory() as folder:
        os.environ[CACHE_VARIABLE] = folder
        train_checkpoint(Path(folder))
        for predicts in (False, True):
            measure(Path(folder), predicts=predicts)


if __name__ == "__main__":
    main()
