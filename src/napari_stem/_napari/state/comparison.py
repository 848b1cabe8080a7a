"""What is compared side by side: genes, a prediction with its measurement, or results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from napari_stem.prediction.statistics import STATISTICS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from napari_stem._napari.state.result import Result

Kind: TypeAlias = Literal["", "genes", "measured", "results"]

MOST = 9  # cells; in more of them a slide is too small


class Cell(NamedTuple):
    """One heatmap of those side by side.

    Attributes
    ----------
    of
        The name of the result, where results are compared.
    """

    result: Result
    gene: str
    statistic: str
    of: str = ""

    @property
    def is_there(self) -> bool:
        """Whether the result has the gene and the statistic."""
        return self.result.has(self.gene, self.statistic)

    @property
    def title(self) -> str:
        """What the heatmap shows, or what its result lacks."""
        name = self.result.name(self.statistic)
        if not self.is_there:
            return f"{self.of}: no {name if self.gene in self.result.genes else self.gene}"
        if self.of:
            return f"{self.of}: {self.result.name_of(self.gene, self.statistic)}"
        return f"{'All genes' if STATISTICS[self.statistic].scale else self.gene}: {name}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Nothing, selected genes, the shown gene and its measured values, or that gene in results.

    Attributes
    ----------
    genes
        The selected genes; none stands for the shown one.
    results
        Rows of the selected results of the slide; none stands for all.
    """

    kind: Kind = ""
    genes: tuple[str, ...] = ()
    results: tuple[int, ...] = ()

    def cells(
        self,
        gene: str,
        statistic: str,
        shown: Result,
        results: Sequence[tuple[str, Result]],
    ) -> tuple[Cell, ...]:
        """The cells, while a gene and a statistic of a result are shown.

        Parameters
        ----------
        results
            All results of the slide, with their names.
        """
        match self.kind:
            case "results":
                rows = self.results or range(len(results))
                chosen = [results[row] for row in rows[:MOST]]
                return tuple(_cell(name, result, gene, statistic) for name, result in chosen)
            case "genes" if STATISTICS[statistic].scale:
                genes: tuple[str, ...] = (gene,)  # it is the same for all genes
            case "genes":
                genes = self.genes[:MOST] or (gene,)
            case "measured":
                return Cell(shown, gene, "mean"), Cell(shown, gene, "truth")
            case _:
                return ()
        return tuple(Cell(shown, name, statistic) for name in genes)


def contrast_limits(cell: Cell, cells: Iterable[Cell], *, shared: bool) -> tuple[float, float]:
    """Contrast limits of a cell: those of its gene in all cells, or of all genes if shared."""
    found = [
        other.result.limits(None if shared else other.gene, other.statistic)
        for other in cells
        if other.gene == cell.gene and other.is_there
    ]
    lows, highs = zip(*found, strict=True) if found else ((0.0,), (1.0,))
    return min(lows), max(highs)


def _cell(name: str, result: Result, gene: str, statistic: str) -> Cell:
    """A cell of a result, which may lack the gene of another one."""
    is_of_spots = bool(STATISTICS[statistic].scale)
    return Cell(result, result.genes[0] if is_of_spots else gene, statistic, name)
