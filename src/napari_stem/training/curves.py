"""Curves of a training run, from its events."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from napari_stem.events import Event, Loss, Variation

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Curves:
    """Losses by step, and the latest variation of genes over held-out spots.

    A resumed run repeats events after its last saved state; the later ones count.
    """

    def __init__(self) -> None:
        self._losses: list[Loss] = []
        self._variation: Variation | None = None

    def add(self, events: Iterable[Event]) -> None:
        """Take events in the order in which they come; those that no curve shows are ignored."""
        for event in events:
            match event:
                case Loss():
                    while self._losses and self._losses[-1].step >= event.step:
                        self._losses.pop()
                    self._losses.append(event)
                case Variation():
                    self._variation = event

    @property
    def training(self) -> NDArray[np.float64]:
        """(2, n) steps, and the losses on training spots."""
        return _columns((loss.step, loss.value) for loss in self._losses)

    @property
    def held_out(self) -> NDArray[np.float64]:
        """(2, m) steps at which losses on held-out spots were measured, and these losses."""
        known = ((loss.step, loss.validation) for loss in self._losses)
        return _columns((step, loss) for step, loss in known if loss is not None)

    @property
    def variances(self) -> NDArray[np.float64]:
        """(2, c) measured and predicted variance of each gene, by measured variance."""
        if self._variation is None:
            return np.empty((2, 0))
        both = np.array([self._variation.true_variance, self._variation.variance])
        return both[:, np.argsort(both[0], kind="stable")]


def _columns(points: Iterable[tuple[int, float]]) -> NDArray[np.float64]:
    return np.array(list(points), dtype=np.float64).reshape(-1, 2).T
