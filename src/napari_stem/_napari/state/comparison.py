"""What is compared side by side: genes with each other, or a prediction with its measurement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from napari_stem.prediction.statistics import STATISTICS

Kind: TypeAlias = Literal["", "genes", "measured"]

MOST = 9  # cells; in more of them a slide is too small


@dataclass(frozen=True, slots=True)
class Comparison:
    """Nothing, selected genes, or the shown gene and its measured values.

    Attributes
    ----------
    genes
        The selected genes; none stands for the shown one.
    """

    kind: Kind = ""
    genes: tuple[str, ...] = ()

    def cells(self, gene: str, statistic: str) -> tuple[tuple[str, str], ...]:
        """The gene and the statistic of each cell, while these two are shown."""
        match self.kind:
            case "genes" if STATISTICS[statistic].scale:
                return ((gene, statistic),)  # it is the same for all genes
            case "genes":
                return tuple((name, statistic) for name in self.genes[:MOST] or (gene,))
            case "measured":
                return (gene, "mean"), (gene, "truth")
            case _:
                return ()
