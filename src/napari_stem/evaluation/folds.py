"""Leave-one-section-out within training data, for choosing what baselines need to know."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_stem.sections.paired_data import PairedData

_STRIPS = 5


def folds(known: PairedData) -> NDArray[np.intp]:
    """(n,) which spots are left out together: sections, or strips where there is one section.

    Strips, because neighbours resemble each other.
    """
    if len(np.unique(known.section)) > 1:
        return known.section
    x = known.positions[:, 0]
    rank = np.empty(len(x), dtype=np.intp)
    rank[np.argsort(x, kind="stable")] = np.arange(len(x))
    strips: NDArray[np.intp] = rank * min(_STRIPS, len(x)) // len(x)
    return strips
