"""How long the window cannot react while it predicts, clusters, ranks genes and trains.

    [xvfb-run -a] python benchmarks/stall.py [--spots 1000]

A timer of the window fires every 5 ms; what it is late counts, and beside it the longest that the
window's thread computes at once, which does not depend on what else the machine does. Opening its
docks loads libraries; idle shows what the machine and its drawing add, the last rows what napari
alone takes for a new layer, which the first heatmap and the first clusters need.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QElapsedTimer, QThreadPool, QTimer
from qtpy.QtWidgets import QApplication

from napari_stem._napari.canvas.attach import workspace_of
from napari_stem._napari.files.opening import describe_checkpoint
from napari_stem._napari.shell.docks import open_dock
from napari_stem._napari.train.controller import Trainings
from napari_stem.events import finish
from napari_stem.spots.grid import make_grid
from napari_stem.storage import CACHE_VARIABLE
from napari_stem.training.plan import PanelChoice, SectionSource, TrainPlan

if TYPE_CHECKING:
    from napari.viewer import Viewer

    from napari_stem.sections.section import Section

_UNITS = ("micrometer", "micrometer")
_PATIENCE, _DRAWING = 600.0, 0.5  # seconds


class Watch:
    """Gaps in milliseconds between the firings of a timer of 5 ms, beyond these 5 ms.

    Attributes
    ----------
    computed
        The longest that the thread computed at once, in milliseconds.
    """

    def __init__(self) -> None:
        self.computed = 0.0
        self._late: list[float] = []
        self._clock = QElapsedTimer()
        self._timer = QTimer()
        self._timer.setInterval(5)
        self._timer.timeout.connect(self._fire)

    def until(
        self, done: Callable[[], object], action: Callable[[], object] | None = None
    ) -> list[float]:
        """What gathers from an action until something is done and drawn."""
        self._late, self.computed = [], 0.0
        if action is not None:
            QTimer.singleShot(0, action)
        self._clock.start()
        self._timer.start()
        start = time.monotonic()
        while not done():
            self._react()
            if time.monotonic() > start + _PATIENCE:
                raise SystemExit("It does not end.")
        end = time.monotonic() + _DRAWING
        while time.monotonic() < end:
            self._react()
        self._timer.stop()
        self._fire()  # what it is late by now counts, too
        return self._late

    def during(self, action: Callable[[], object]) -> list[float]:
        """What gathers while something is done and drawn."""
        return self.until(lambda: True, action)

    def _react(self) -> None:
        start = time.thread_time()
        QApplication.processEvents()
        self.computed = max(self.computed, 1e3 * (time.thread_time() - start))
        time.sleep(0.001)

    def _fire(self) -> None:
        self._late.append(max(0.0, self._clock.nsecsElapsed() / 1e6 - 5))
        self._clock.start()


def stalls(
    watch: Watch, viewer: Viewer, section: Section, checkpoint: Path, folder: Path, n_spots: int
) -> Iterator[tuple[str, list[float]]]:
    """What the window does, and its gaps meanwhile."""
    work = workspace_of(viewer)
    dock, clusters = open_dock(viewer, "Predict"), open_dock(viewer, "Clusters")
    pool = QThreadPool.globalInstance()
    yield "opening", watch.until(lambda: not pool.activeThreadCount())
    slide = section.slide
    pitch = slide.require_mpp() * float(np.sqrt(slide.width * slide.height / n_spots))
    yield "a slide", watch.during(lambda: work.take_slide(slide))
    work.spots = make_grid(slide, pitch_um=pitch, on_tissue=False, layout="square")
    work.checkpoint = finish(describe_checkpoint(checkpoint))
    start = time.monotonic()
    yield "idle", watch.until(lambda: time.monotonic() > start + 2)
    yield (
        "predicting",
        watch.until(
            lambda: work.result and work.result.prediction is not None, dock.predict_button.click
        ),
    )
    yield "clustering", watch.until(lambda: work.clusters, clusters.leiden.cluster_button.click)
    trainings = Trainings.of(viewer)
    plan = TrainPlan(
        (SectionSource("generated:1"),),
        held_out_share=0.3,
        panel=PanelChoice("list", genes=tuple(work.checkpoint.recipe.panel)),
        fit={"steps": 200},
        device="cpu",
    )
    begin = partial(trainings.begin, folder / "stall", plan)
    begun = watch.during(begin)
    yield "training", begun + watch.until(lambda: trainings.running is None)
    yield "an image", watch.during(lambda: add_image(viewer))
    yield "labels", watch.during(lambda: add_labels(viewer))


def add_image(viewer: Viewer) -> None:
    """A layer with a colour bar, as a heatmap is."""
    viewer.add_image(np.eye(500, dtype=np.float32), units=_UNITS).colorbar.visible = True


def add_labels(viewer: Viewer) -> None:
    """A layer of numbers, as clusters are."""
    viewer.add_labels(np.eye(500, dtype=np.uint16), units=_UNITS)


def main() -> None:
    import napari

    from napari_stem.api.training import train
    from napari_stem.checkpoints.recipe import make_recipe
    from napari_stem.sections.synthetic import generate_section

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spots", type=int, default=1000)
    n_spots = parser.parse_args().spots
    section = generate_section("benchmark", seed=0)
    panel = [gene for gene in section.spots.var_names if gene.isupper()][:40]
    with tempfile.TemporaryDirectory() as folder:
        os.environ[CACHE_VARIABLE] = folder  # draws of a former run would be found again
        recipe = make_recipe("small", panel, fit={"steps": 50})
        path = train(section, recipe, folder, cache=False).path
        viewer = napari.Viewer(show_welcome_screen=False)
        watch = Watch()
        for what, late in stalls(watch, viewer, section, path, Path(folder), n_spots):
            longest = f"longest {max(late):6.1f}, computing {watch.computed:6.1f}"
            print(f"{what:>10}: 99 of 100 {np.quantile(late, 0.99):6.1f} ms, {longest}", flush=True)
        viewer.close()


if __name__ == "__main__":
    main()
