"""Statistics over the draws of a spot: one entry each, which every front end offers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from napari_stem.errors import OptionError

if TYPE_CHECKING:
    from typing import TypeAlias

    from numpy.typing import NDArray

    Draws: TypeAlias = NDArray[np.float32]

THRESHOLD = 1.0
_ENDS = (0.01, 0.99)
_ENOUGH = 500_000  # values decide them well
_LEAST = 1e-3  # between the limits of a gene that is constant


@dataclass(frozen=True, slots=True)
class Statistic:
    """One entry of the table of statistics.

    Attributes
    ----------
    name
        In the terminal, in Python, and of its layer in a prediction.
    label, tooltip
        Display texts.
    of_draws
        Function of draws (K, b, c) to (b, c); None for values that do not come from draws.
    is_value
        Whether it is an expression of the gene, in the unit and on the scale of the values.
    carried
        Whether each prediction contains it; others are computed from the draws on request.
    limits
        Ends of its colours where they do not depend on the values.
    takes_threshold
        Whether `of_draws` takes a threshold, in the unit of the values, as second argument.
    scale
        What its numbers mean where they are of a spot, whatever the gene; "" if of a gene.
    """

    name: str
    label: str
    tooltip: str
    of_draws: Callable[..., Draws] | None
    is_value: bool = True
    carried: bool = False
    limits: tuple[float, float] | None = None
    takes_threshold: bool = False
    scale: str = ""

    def __call__(self, draws: Draws, threshold: float = THRESHOLD) -> Draws:
        """(b, c) of draws (K, b, c)."""
        assert self.of_draws is not None
        more = (threshold,) if self.takes_threshold else ()
        return np.asarray(self.of_draws(draws, *more), dtype=np.float32)

    @property
    def on_demand(self) -> bool:
        """Whether it is computed from the draws on request."""
        return self.of_draws is not None and not self.carried

    def title(self, threshold: float | None = None) -> str:
        """Its label, with the threshold if it takes one that is known."""
        if self.takes_threshold and threshold is not None:
            return self.label.replace("threshold", f"{threshold:g}")
        return self.label


def find_statistics(names: Iterable[str]) -> list[Statistic]:
    """The entries of names that can be computed from draws.

    Raises
    ------
    OptionError
        A name is unknown; the message lists the known ones.
    """
    known = {name: entry for name, entry in STATISTICS.items() if entry.of_draws is not None}
    wanted = list(dict.fromkeys(names))
    if unknown := [name for name in wanted if name not in known]:
        raise OptionError(f"statistic '{unknown[0]}' is unknown; choose {', '.join(known)}.")
    return [known[name] for name in wanted]


def mean(draws: Draws) -> Draws:
    """(b, c) of draws (K, b, c)."""
    return np.asarray(draws.mean(axis=0))


def standard_deviation(draws: Draws) -> Draws:
    """(b, c) of draws (K, b, c), with K in the denominator."""
    return np.asarray(draws.std(axis=0))


def median(draws: Draws) -> Draws:
    """(b, c) of draws (K, b, c)."""
    return np.asarray(np.median(draws, axis=0), dtype=np.float32)


def mode(draws: Draws) -> Draws:
    """Half-sample mode (b, c) of draws (K, b, c): where they lie closest (Bickel 2006).

    The half of the draws that spans the least is taken again and again, until one or two are
    left.
    """
    part = np.sort(draws, axis=0)
    while len(part) > 2:
        half = (len(part) + 1) // 2
        spans = part[half - 1 :] - part[: len(part) - half + 1]
        first = spans.argmin(axis=0)
        part = np.take_along_axis(part, first[None] + np.arange(half)[:, None, None], axis=0)
    return np.asarray(part.mean(axis=0), dtype=np.float32)


def share_above(draws: Draws, threshold: float) -> Draws:
    """(b, c) share of draws (K, b, c) above a threshold: P(gene > threshold)."""
    return np.asarray((draws > threshold).mean(axis=0), dtype=np.float32)


def at_quantiles(draws: Draws, q: float | tuple[float, ...]) -> Draws:
    """(q, b, c) quantiles of draws (K, b, c): Weibull's, as a further draw would fall.

    See `evaluation.metrics.coverage`.
    """
    return np.asarray(np.quantile(draws, q, axis=0, method="weibull"), dtype=np.float32)


def displayed(values: NDArray[np.float32] | np.float32) -> NDArray[np.float32]:
    """Values as a display shows them: none below 0, which no count has.

    All units are logarithms of what was counted, plus 1. A draw may lie below
    (`Checkpoint.to_values`), and files keep it.
    """
    return np.asarray(np.maximum(values, np.float32(0)))


def displayed_unit(unit: str, values: NDArray[np.float32]) -> str:
    """The unit of values that a display shows, which says if it shows other ones."""
    return f"{unit}, below 0 shown as 0" if (values < 0).any() else unit


def colour_limits(
    parts: Sequence[NDArray[np.floating]], *, lowest: float = -np.inf
) -> tuple[float, float]:
    """Values at the ends of a colour map: all but the extreme 1 % of each side lie between them.

    Parameters
    ----------
    parts
        Values that share the colours, such as predicted and measured ones; not empty.
    lowest
        No limit lies below.
    """
    seen = [np.ravel(part) for part in parts]
    low, high = np.quantile(
        np.concatenate([part[:: 1 + part.size // _ENOUGH] for part in seen]), _ENDS
    )
    low = max(float(low), lowest)
    return low, max(float(high), low + _LEAST)


STATISTICS: Mapping[str, Statistic] = {
    entry.name: entry
    for entry in (
        Statistic("mean", "mean", "Mean of the draws: the prediction.", mean, carried=True),
        Statistic(
            "std",
            "SD",
            "Standard deviation of the draws: the uncertainty of the prediction.",
            standard_deviation,
            is_value=False,
            carried=True,
        ),
        Statistic(
            "q05",
            "5 % quantile",
            "Lower end of the 90 % interval: 5 % of further draws lie below.",
            partial(at_quantiles, q=0.05),
            carried=True,
        ),
        Statistic(
            "q95",
            "95 % quantile",
            "Upper end of the 90 % interval: 5 % of further draws lie above.",
            partial(at_quantiles, q=0.95),
            carried=True,
        ),
        Statistic("median", "median", "Median of the draws.", median),
        Statistic("mode", "mode", "Mode of the draws: the most likely value.", mode),
        Statistic(
            "above",
            "P(above threshold)",
            "Share of the draws above the threshold: the probability of a value above it.",
            share_above,
            is_value=False,
            limits=(0.0, 1.0),
            takes_threshold=True,
        ),
        Statistic("truth", "measured", "Measured value of the spot.", None, carried=True),
        Statistic(
            "ood",
            "distance to training",
            "How far the tissue of the spot is from the training tissue, whatever the gene. Spots "
            "beyond 1 are farther than 99 % of the spots of a left-out section were.",
            None,
            is_value=False,
            carried=True,
            limits=(0.0, 2.0),
            scale="1: 99 % of the spots of a left-out section lay closer",
        ),
    )
}
CARRIED = tuple(name for name, entry in STATISTICS.items() if entry.carried and entry.of_draws)
ON_DEMAND = tuple(name for name, entry in STATISTICS.items() if entry.on_demand)
