"""Make the pictures of the docks in docs/images: `python scripts/screenshots.py [CHECKPOINT]`.

Trains a small checkpoint on generated sections unless one is given, predicts another section in
a real viewer of 1280 x 800 pixels, and takes a picture of each step. Without a display it starts
a virtual one.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from qtpy.QtWidgets import QWidget

    from napari_stem._napari.shell.page import Page

IMAGES = Path(__file__).parents[1] / "docs" / "images"
SIZE = 1280, 800
TRAINING, STEPS = 4, 500
GENES = 40
PITCH_UM = 60.0
SHOWN = ("EPCAM", "COL1A1", "CD3E", "CCL5")
PATIENCE = 300.0  # seconds


def main() -> None:
    ensure_display()
    with tempfile.TemporaryDirectory(prefix="stem-screenshots-") as home:
        use_empty_home(Path(home))
        given = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else None
        take_pictures(given or train_checkpoint(Path(home) / "checkpoints"))


def ensure_display() -> None:
    """Start again below a virtual display, where there is none."""
    if not sys.platform.startswith("linux") or os.environ.get("DISPLAY"):
        return
    if not shutil.which("xvfb-run"):
        sys.exit("There is no display, and no xvfb-run to start a virtual one.")
    screen = f"-screen 0 {SIZE[0]}x{SIZE[1]}x24"
    os.execvp("xvfb-run", ["xvfb-run", "-a", "-s", screen, sys.executable, *sys.argv])


def use_empty_home(home: Path) -> None:
    """Keep the user's own settings out of the pictures."""
    os.environ["NAPARI_CONFIG"] = str(home / "napari.yaml")
    for variable in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "NAPARI_STEM_CACHE"):
        os.environ[variable] = str(home / variable)


def train_checkpoint(folder: Path) -> Path:
    """A small checkpoint of generated sections, with held-out figures."""
    from napari_stem.api.training import train
    from napari_stem.checkpoints.recipe import make_recipe
    from napari_stem.genes.panels import hmhvg
    from napari_stem.sections.synthetic import generate_section

    print(f"training on {TRAINING} generated sections …", flush=True)
    *known, held_out = (
        generate_section(f"generated-{seed}", seed=seed) for seed in range(TRAINING + 1)
    )
    panel = hmhvg([section.spots for section in known], GENES)
    panel += [gene for gene in SHOWN if gene not in panel]
    recipe = make_recipe("small", panel, fit={"steps": STEPS})
    result = train(known, recipe, folder / "run", held_out=held_out, cache=False)
    return result.path.rename(folder / "generated-tissue.safetensors")


def take_pictures(checkpoint: Path) -> None:
    import napari
    from qtpy.QtCore import QPoint
    from qtpy.QtWidgets import QApplication

    from napari_stem._napari.shell.docks import open_dock
    from napari_stem._napari.state.comparison import Comparison
    from napari_stem._napari.train.controller import Trainings

    viewer = napari.Viewer(show_welcome_screen=False)
    viewer.window.resize(*SIZE)
    dock = open_dock(viewer, "Predict")
    work = dock.workspace

    def wait(until: Callable[[], object]) -> None:
        end = time.monotonic() + PATIENCE
        while not until():
            if time.monotonic() > end:
                sys.exit("The viewer did not get there in time.")
            QApplication.processEvents()
            time.sleep(0.01)

    def settle() -> None:
        settled = time.monotonic() + 0.7  # thumbnails and scroll bars follow later
        wait(lambda: time.monotonic() > settled)

    def take(name: str, top: str, page: Page = dock) -> None:
        settle()
        place = getattr(page, top).mapTo(page.widget(), QPoint(0, 0))
        page.verticalScrollBar().setValue(place.y())
        QApplication.processEvents()
        save(viewer.screenshot(canvas_only=False, flash=False), IMAGES / f"{name}.png")

    viewer.open_sample("napari-stem", "generated_slide")
    dock.slide.take_layer(viewer.layers[0])
    wait(lambda: work.slide)
    dock.spots.pitch.setValue(PITCH_UM)
    dock.spots.grid_button.click()
    wait(lambda: work.spots is not None)
    dock.checkpoint.open(checkpoint)
    wait(lambda: work.checkpoint)
    take("1-slide-spots-checkpoint", "slide")

    work.gene = SHOWN[0]
    dock.settings.draws.setValue(500)
    dock.predict_button.click()
    wait(lambda: work.result and "left" in dock.predict_button.text())
    take("2-predicting", "predict_button")
    dock.predict_button.click()
    wait(lambda: dock.predict_button.text().startswith("Continue"))
    dock.settings.draws.setValue(20)
    dock.predict_button.click()
    wait(lambda: work.run.request is None and work.result.n_draws == 20)
    take("3-gene", "predict_button")

    work.statistic, work.gene = "std", SHOWN[1]
    take("4-spread", "predict_button")
    work.statistic = "mean"
    work.compare(Comparison("genes", SHOWN))
    take("5-side-by-side", "predict_button")
    work.end_comparison()

    dock.clusters_button.click()
    clusters = open_dock(viewer, "Clusters")
    clusters.leiden.cluster_button.click()
    wait(lambda: work.clusters)
    wait(clusters.leiden.isEnabled)
    clusters.ranking.rank_button.click()
    wait(clusters.ranking.table.genes)
    take("6-clusters", "leiden", clusters)

    inspect = open_dock(viewer, "Inspect")
    work.gene = SHOWN[0]
    inspect.inspect((work.slide.width / 2, work.slide.height / 2))
    wait(lambda: inspect.points.current)
    take("7-inspect", "tool_button", inspect)

    dialog = open_dock(viewer, "Train").dialog()
    dialog.show_setup()
    dialog.setup.sections.add(f"generated:{seed}" for seed in range(3))
    dialog.setup.genes.number.setValue(GENES)
    wait(lambda: not dialog.setup.problem())
    settle()
    save_widget(dialog, IMAGES / "8-training.png")
    plan = dialog.setup.plan()
    brief = replace(plan, fit={**plan.fit, "steps": STEPS})
    run = Trainings.of(viewer).begin(Path(os.environ["XDG_DATA_HOME"]) / "shown", brief)
    dialog.show_run(run.folder)
    wait(lambda: Trainings.of(viewer).running is None)
    settle()
    save_widget(dialog, IMAGES / "9-trained.png")
    viewer.close()


def save_widget(widget: QWidget, path: Path) -> None:
    """A picture of a window of its own, as the screen shows it."""
    widget.raise_()
    widget.screen().grabWindow(widget.winId()).save(str(path))
    save(np.asarray(Image.open(path).convert("RGB")), path)


def save(pixels: NDArray[np.uint8], path: Path) -> None:
    """Write a picture in 256 colours, a third of the size; dithered, so that gradients stay."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.fromarray(pixels).convert("RGB")
    palette = picture.quantize(256, method=Image.Quantize.MAXCOVERAGE)
    picture.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG).save(path, optimize=True)
    print(path, flush=True)


if __name__ == "__main__":
    main()
