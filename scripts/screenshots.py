"""Make the pictures of the dock in docs/images: `python scripts/screenshots.py`.

Trains a small checkpoint on generated sections, predicts another one in a real viewer of
1280 x 800 pixels, and takes a picture of each step. Without a display it starts a virtual one.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

IMAGES = Path(__file__).parents[1] / "docs" / "images"
SIZE = 1280, 800
TRAINING, STEPS = 4, 500
GENES = 40
SHOWN = ("EPCAM", "COL1A1", "CD3E", "CCL5")
PATIENCE = 300.0  # seconds


def main() -> None:
    ensure_display()
    with tempfile.TemporaryDirectory(prefix="stem-screenshots-") as home:
        use_empty_home(Path(home))
        checkpoint = train_checkpoint(Path(home) / "checkpoints")
        take_pictures(checkpoint)


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
    from napari_stem.panels import hmhvg
    from napari_stem.recipe import make_recipe
    from napari_stem.synthetic import generate_section
    from napari_stem.training import train

    print(f"training on {TRAINING} generated sections …", flush=True)
    *known, held_out = (
        generate_section(f"generated-{seed}", seed=seed) for seed in range(TRAINING + 1)
    )
    panel = hmhvg([section.spots for section in known], GENES)
    panel += [gene for gene in SHOWN if gene not in panel]
    recipe = make_recipe("small", panel, fit={"steps": STEPS})
    result = train(known, recipe, folder / "run", held_out=held_out)
    return result.path.rename(folder / "generated-tissue.safetensors")


def take_pictures(checkpoint: Path) -> None:
    import napari
    from PIL import Image
    from qtpy.QtCore import QPoint
    from qtpy.QtWidgets import QApplication

    from napari_stem._napari.show import open_dock

    viewer = napari.Viewer(show_welcome_screen=False)
    viewer.window.resize(*SIZE)
    dock = open_dock(viewer)
    work = dock.workspace

    def wait(until: Callable[[], object]) -> None:
        end = time.monotonic() + PATIENCE
        while not until():
            if time.monotonic() > end:
                sys.exit("The viewer did not get there in time.")
            QApplication.processEvents()
            time.sleep(0.01)

    def take(name: str) -> None:
        settled = time.monotonic() + 0.5  # thumbnails and scroll bars follow later
        wait(lambda: time.monotonic() > settled)
        IMAGES.mkdir(parents=True, exist_ok=True)
        pixels = viewer.screenshot(canvas_only=False, flash=False)[..., :3]
        # A palette makes the files three times as small.
        image = Image.fromarray(pixels).quantize(128, dither=Image.Dither.NONE)
        image.save(IMAGES / f"{name}.png", optimize=True)
        print(IMAGES / f"{name}.png", flush=True)

    def scroll_to(part: str) -> None:
        top = getattr(dock, part).mapTo(dock.widget(), QPoint(0, 0)).y()
        dock.verticalScrollBar().setValue(top)

    viewer.open_sample("napari-stem", "generated_slide")
    dock.slide.take_layer(viewer.layers[0])
    wait(lambda: work.slide)
    dock.spots.grid_button.click()
    wait(lambda: work.spots is not None)
    dock.checkpoint.open(checkpoint)
    wait(lambda: work.checkpoint)
    take("1-slide-spots-checkpoint")

    dock.predict_button.click()
    wait(lambda: work.result and work.result.n_draws >= 5)
    work.gene = SHOWN[0]
    take("2-predicting")
    wait(lambda: work.result.prediction is not None)

    scroll_to("result")
    take("3-gene")
    work.statistic, work.gene = "std", SHOWN[1]
    take("4-spread")
    dock.clusters.cluster_button.click()
    wait(lambda: work.clusters)
    scroll_to("clusters")
    take("5-clusters")
    viewer.close()


if __name__ == "__main__":
    main()
