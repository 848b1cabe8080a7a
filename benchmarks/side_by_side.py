"""How long the window is busy when genes are added to and taken from heatmaps side by side.

    [xvfb-run -a] python benchmarks/side_by_side.py [--spots 5000]

Each row is one change of the comparison: seconds that the window's thread computes, whatever else
the machine does, until the call returns, their multiple of what napari alone needs for one layer
with a colour bar, and the frames that follow, which a real GPU shortens. The libraries of
predicting are loaded, whose objects a garbage collection searches.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
from made_result import show_result

GENES = tuple("ABCDEFGHI")
SLIDE = 2000  # pixels a side
_DRAWING = 1.5  # seconds, after which all is drawn


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spots", type=int, default=5_000)
    found = changes(parser.parse_args().spots)
    alone, _ = found["napari: an image with a colour bar"]
    for what, (call, frames) in found.items():
        print(f"{what:>40}: call {call:5.2f} s, {call / alone:4.1f} x; frames {frames:5.2f} s")


def changes(n_spots: int) -> dict[str, tuple[float, float]]:
    """Seconds of each change, and of the events and frames that follow it, by what changes."""
    import napari

    from napari_stem._napari.canvas.attach import workspace_of
    from napari_stem._napari.shell.imports import load_for_predicting
    from napari_stem._napari.state.comparison import Comparison
    from napari_stem.events import finish

    finish(load_for_predicting())
    viewer = napari.Viewer(show_welcome_screen=False)
    work = workspace_of(viewer)
    show_result(work, n_spots, GENES, size=SLIDE)

    def show(genes: str) -> Callable[[], object]:
        return lambda: work.compare(Comparison("genes" if genes else "", tuple(genes)))

    steps = {
        "napari: an image with a colour bar": lambda: add_image(viewer),
        "two genes side by side": show("AB"),
        "the third gene": show("ABC"),
        "the fourth gene": show("ABCD"),
        "one gene less": show("ABD"),
        "another gene": show("ABDE"),
        "the single heatmap again": show(""),
        "four genes again": show("ABCD"),
    }
    busy(lambda: None)
    found = {what: busy(step) for what, step in steps.items()}
    viewer.close()
    return found


def add_image(viewer: object) -> None:
    """A layer with a colour bar, as a heatmap is."""
    layer = viewer.add_image(np.eye(500, dtype=np.float32), units=("um", "um"))  # type: ignore[attr-defined]
    layer.colorbar.visible = True


def busy(change: Callable[[], object]) -> tuple[float, float]:
    """Seconds that the thread computes for a change, and for the events that follow it."""
    from qtpy.QtWidgets import QApplication

    start = time.thread_time()
    change()
    call = time.thread_time() - start
    end = time.monotonic() + _DRAWING
    while time.monotonic() < end:
        QApplication.processEvents()
        time.sleep(0.01)
    return call, time.thread_time() - start - call


if __name__ == "__main__":
    main()
