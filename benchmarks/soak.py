"""Whether memory, threads and open files stay flat while slides come and go in one napari.

    [xvfb-run -a] python benchmarks/soak.py [--rounds 100]

A round opens a slide, predicts, inspects a point, clusters, compares two genes, exports and closes
the slide.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil
import tifffile
from qtpy.QtCore import QEventLoop, QTimer

from napari_stem._napari.canvas.attach import workspace_of
from napari_stem._napari.files.opening import describe_checkpoint, read_overview
from napari_stem._napari.predict.tasks import predict
from napari_stem._napari.shell.docks import open_dock
from napari_stem._napari.state.comparison import Comparison
from napari_stem._napari.state.request import PredictRequest
from napari_stem.events import finish
from napari_stem.prediction.options import PredictOptions
from napari_stem.slides.slide import open_slide
from napari_stem.storage import CACHE_VARIABLE

if TYPE_CHECKING:
    from napari.viewer import Viewer

    from napari_stem._napari.state.checkpoint import ChosenCheckpoint
    from napari_stem.sections.section import Section

_TOLD = (1, 10, 25, 50, 75)  # and the last round
_PATIENCE = 120.0  # seconds


class Soak:
    """Works on one section again and again, as a user would."""

    def __init__(
        self, viewer: Viewer, section: Section, slide: Path, checkpoint: ChosenCheckpoint
    ) -> None:
        self._work = workspace_of(viewer)
        self._work.checkpoint = checkpoint
        self._section, self._slide = section, slide
        self._predict: Any = open_dock(viewer, "Predict")
        self._inspect: Any = open_dock(viewer, "Inspect")
        self._clusters: Any = open_dock(viewer, "Clusters")

    def round(self, number: int) -> None:
        """Open, predict, inspect, cluster, compare, export and close; draws are new each time."""
        work, checkpoint = self._work, self._work.checkpoint
        assert checkpoint is not None  # it was set at first
        slide = open_slide(self._slide, mpp=self._section.slide.require_mpp())
        work.take_slide(finish(read_overview(slide)))
        work.spots = self._section.spots
        options = PredictOptions(n_draws=2, seed=number)
        work.predict(PredictRequest(slide, work.spots, checkpoint, options), predict)
        _until(lambda: work.run.request is None and work.result is not None)
        self._inspect.inspect((slide.width / 2, slide.height / 2))
        _until(lambda: work.points)
        self._clusters.leiden.cluster_button.click()
        _until(lambda: work.clusters is not None)
        work.compare(Comparison("genes", checkpoint.recipe.panel[:2]))
        _draw()
        path = self._slide.with_name("soak.h5ad")
        self._predict.export.export(path)
        _until(lambda: not work.unsaved())
        work.close_slide(slide)
        path.unlink()
        _draw()


def _until(done: Callable[[], object]) -> None:
    """Let a loop of events run; napari's widgets are deleted in one, not by `processEvents`."""
    end = time.monotonic() + _PATIENCE
    while not done():
        loop = QEventLoop()
        QTimer.singleShot(5, loop.quit)
        loop.exec()
        if time.monotonic() > end:
            raise SystemExit("It does not end.")


def _draw() -> None:
    end = time.monotonic() + 0.2
    _until(lambda: time.monotonic() > end)


def _tell(number: int) -> None:
    process = psutil.Process()
    print(
        f"{number:>5}: {process.memory_info().rss / 1e6:6.0f} MB, "
        f"{process.num_threads():>3} threads, {process.num_fds():>3} open files",
        flush=True,
    )


def main() -> None:
    import napari

    from napari_stem.api.training import train
    from napari_stem.checkpoints.recipe import make_recipe
    from napari_stem.sections.synthetic import generate_section

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    rounds = parser.parse_args().rounds
    section = generate_section("soak", seed=0)
    panel = [gene for gene in section.spots.var_names if gene.isupper()][:20]
    with tempfile.TemporaryDirectory() as folder:
        os.environ[CACHE_VARIABLE] = folder
        recipe = make_recipe("small", panel, fit={"steps": 50})
        checkpoint = finish(describe_checkpoint(train(section, recipe, folder, cache=False).path))
        path = Path(folder) / "slide.tif"
        tifffile.imwrite(path, np.asarray(section.slide.levels[0]), photometric="rgb")
        viewer = napari.Viewer(show_welcome_screen=False)
        soak = Soak(viewer, section, path, checkpoint)
        for number in range(1, rounds + 1):
            soak.round(number)
            if number in (*_TOLD, rounds):
                _tell(number)
        viewer.close()


if __name__ == "__main__":
    main()
