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
from made_result import show_result

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

    viewer = napari.Viewer(show_welcome_screen=False)
    dock = open_dock(viewer, "Predict")
    work = dock.workspace
    show_result(work, n, [f"GENE{i:03}" for i in range(GENES)], size=SLIDE)
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
