"""Check of a section before training: counts, scale, and spots on the slide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_stem.errors import StemError
from napari_stem.spots.table import check_counts, has_counts
from napari_stem.training.plan import SectionSource
from napari_stem.training.run import open_source

if TYPE_CHECKING:
    from anndata import AnnData
    from numpy.typing import NDArray

    from napari_stem.sections.section import Section

_LONGEST = 700  # pixels of an overview
_FEWEST_COUNTS = 1  # of a spot that counts


@dataclass(frozen=True, slots=True, eq=False)
class SectionCheck:
    """Result of checking a section.

    Attributes
    ----------
    problem
        Why it cannot be trained on, "" where it can.
    spots
        Its spot table, where that could be read.
    mpp
        Micrometres per pixel; None if unknown.
    counts
        (n,) total counts of the spots; None where it cannot be trained on.
    overview
        (h, w, 3) RGB of the whole slide, made smaller; None where it cannot be trained on.
    downsample
        Level-0 pixels that a pixel of the overview is wide.
    """

    source: SectionSource
    problem: str = ""
    spots: AnnData | None = None
    mpp: float | None = None
    counts: NDArray[np.float64] | None = None
    overview: NDArray[np.uint8] | None = None
    downsample: float = 1.0

    @property
    def depth(self) -> float:
        """Median library size of the spots; 0 if unknown."""
        return 0.0 if self.counts is None else float(np.median(self.counts))


def check_section(source: SectionSource) -> SectionCheck:
    """Open a section and check its counts; errors are returned, not raised."""
    try:
        section = open_source(source)
    except StemError as error:
        return SectionCheck(source, str(error))
    with section.slide:
        try:
            return _check(source, section)
        except StemError as error:
            return SectionCheck(source, str(error), section.spots, section.slide.mpp)


def _check(source: SectionSource, section: Section) -> SectionCheck:
    spots, slide = section.spots, section.slide
    if not has_counts(spots):
        problem = f"The spots of {section.name} have no counts. Training needs raw counts."
        return SectionCheck(source, problem, spots, slide.mpp)
    check_counts(spots)
    counts = np.asarray(spots.X.sum(axis=1), dtype=np.float64).ravel()
    if not (counts >= _FEWEST_COUNTS).any():
        return SectionCheck(source, f"All counts of {section.name} are zero.", spots, slide.mpp)
    return SectionCheck(source, "", spots, slide.mpp, counts, *slide.thumbnail(_LONGEST))
