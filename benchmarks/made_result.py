"""A result of random values on a plain slide, for benchmarks of the window."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from napari_stem.slides.slide import Slide
from napari_stem.spots.table import spot_table

if TYPE_CHECKING:
    from napari_stem._napari.state.workspace import Workspace


def show_result(work: Workspace, n_spots: int, genes: Sequence[str], *, size: int) -> None:
    """Show a result with so many spots, 100 um apart, on a slide of `size` pixels a side."""
    from napari_stem._napari.state.result import Result

    side = int(np.ceil(np.sqrt(n_spots)))
    pitch = size / side
    xy = pitch * (0.5 + np.stack(np.divmod(np.arange(n_spots), side), axis=1))
    pixels = np.full((size, size, 3), 230, np.uint8)
    work.take_slide(Slide.from_array(pixels, mpp=100 / pitch, name="benchmark"))
    assert work.slide is not None
    spots = spot_table(xy, diameter_px=0.8 * pitch)
    values = np.random.default_rng(0).gamma(2, 1, (n_spots, len(genes))).astype(np.float32)
    unit = "log2(count + 1)"
    work.take_result(Result(work.slide, spots, tuple(genes), unit, {"mean": values}, 20))
