"""What is shown of each slide of a cohort, and what is said of it."""

from __future__ import annotations

from dataclasses import dataclass

from napari_stem.cohort.arranging import SortBy
from napari_stem.cohort.manifest import Row
from napari_stem.prediction.statistics import STATISTICS
from napari_stem.text import counted, printable

SIDE = 120  # pixels of the longer side of a thumbnail; two of them fit into a narrow dock
OFFERED = ("mean", "std", "q05", "q95", "ood")  # statistics that all predictions hold


@dataclass(frozen=True, slots=True)
class Choice:
    """What is shown of the spots; the distance to the training tissue has no gene."""

    gene: str = ""
    statistic: str = "mean"

    @property
    def title(self) -> str:
        """As display text."""
        about = STATISTICS[self.statistic]
        if about.scale:
            return about.label
        return f"{self.gene}, {about.label}"

    @property
    def has_gene(self) -> bool:
        """Whether it depends on the gene."""
        return not STATISTICS[self.statistic].scale


def prediction_of(row: Row) -> str:
    """The name of the file with a slide's prediction; "" where it has none in h5ad."""
    if row.state != "done":
        return ""
    return next((name for name in row.outputs if name.endswith("-prediction.h5ad")), "")


def why_not_opened(row: Row) -> str:
    """Why a slide has no prediction to open, as display text."""
    name = printable(row.name)
    match row.state:
        case "done":
            return f"{name} has no prediction as h5ad. Run the cohort with --format .h5ad."
        case "failed":
            return f"{name} failed: {row.reason}"
        case state:
            return f"{name} is {state}; its prediction is not there yet."


def caption(row: Row, mean: float | None, problem: str, by: SortBy) -> str:
    """What is said below a slide: what slides are sorted by, or why there is nothing to see."""
    if row.state != "done":
        return row.state
    if problem:
        return "not shown"
    if by is SortBy.FOREIGN and row.ood_share is not None:
        return f"{_percent(row.ood_share)} unlike"
    if by is SortBy.PATIENT and row.patient:
        return printable(row.patient)
    return "no prediction" if mean is None else f"mean {mean:.2f}"


def details(row: Row, mean: float | None, problem: str) -> str:
    """All that is known of a slide, a line each."""
    lines = [
        row.name,
        row.patient and f"Patient {row.patient}",
        f"{row.state}: {row.reason}" if row.reason else row.state,
        "" if row.spots is None else counted(row.spots, "spot"),
        "" if row.ood_share is None else f"{_percent(row.ood_share)} unlike the training tissue",
        "" if mean is None else f"Mean {mean:.3g}",
        problem,
        row.slide,
    ]
    return printable("\n".join(line for line in lines if line))


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
