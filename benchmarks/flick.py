"""How long the window is busy when an arrow key shows the next gene.

    [xvfb-run -a] python benchmarks/flick.py [--spots 5000 100000]

The call is the time until the key's handlers have returned: the table, the heatmap's data, its
contrast, its name and the colour bar. The frame is the redraw that follows, which a real GPU
shortens.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from napari_stem.slides.slide import Slide
from napari_stem.spots.table import spot_table

GENES, PRESSES = 300, 30
SLIDE = 64  # pixels a side


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spots", type=int, nargs="+", default=[5_000, 100_000])
    for n in parser.parse_args().spots:
        calls, frames = press_arrows(n)
        print(
            f"{n:>7} spots: call {1e3 * np.median(calls):5.1f} ms, longest {1e3 * max(calls):5.1f};"
            f" frame {1e3 * np.median(frames):5.1f} ms"
        )


def press_arrows(n: int) -> tuple[list[float], list[float]]:
    """Seconds of the call and of the frame, for each press."""
    import napari
    from qtpy.QtCore import Qt
    from qtpy.QtTest import QTest
    from qtpy.QtWidgets import QApplication

    from napari_stem._napari.shell.docks import open_dock
    from napari_stem._napari.state.result import Result

    viewer = napari.Viewer(show_welcome_screen=False)
    dock = open_dock(viewer, "Predict")
    work = dock.workspace
    side = int(np.ceil(np.sqrt(n)))
    pitch = SLIDE / side
    xy = pitch * (0.5 + np.stack(np.divmod(np.arange(n), side), axis=1))
    pixels = np.full((SLIDE, SLIDE, 3), 230, np.uint8)
    work.take_slide(Slide.from_array(pixels, mpp=100 / pitch, name="benchmark"))
    spots = spot_table(xy, diameter_px=0.8 * pitch)
    values = np.random.default_rng(0).gamma(2, 1, (n, GENES)).astype(np.float32)
    genes = tuple(f"GENE{i:03}" for i in range(GENES))
    work.take_result(Result(work.slide, spots, genes, "log2(count + 1)", {"mean": values}, 20))
    table = dock.result.genes.view
    calls, frames = [], []
    for _ in range(PRESSES + 2):
        QApplication.processEvents()
        start = time.perf_counter()
        QTest.keyClick(table, Qt.Key.Key_Down)
        calls.append(time.perf_counter() - start)
        QApplication.processEvents()
        frames.append(time.perf_counter() - start - calls[-1])
    viewer.close()
    return calls[2:], frames[2:]


if __name__ == "__main__":
    main()
