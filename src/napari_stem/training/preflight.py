"""Whether a section can be trained on, and what it looks like, before a run starts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_stem.errors import StemError
from napari_stem.spots.table import check_counts, has_counts, positions, spot_diameter
from napari_stem.training.plan import SectionSource
from napari_stem.training.run_plan import open_source

if TYPE_CHECKING:
    from anndata import AnnData
    from numpy.typing import NDArray

    from napari_stem.sections.section import Section

_LONGEST = 700  # pixels of a picture
_FEWEST_COUNTS = 1  # of a spot that counts


@dataclass(frozen=True, slots=True, eq=False)
class SectionCheck:
    """What is known of a section.

    Attributes
    ----------
    problem
        Why it cannot be trained on, "" where it can.
    spots
        Its spot table, where that could be read.
    mpp
        Micrometres per pixel, None where nobody stated them.
    depth
        Median of the spots' total counts.
    """

    source: SectionSource
    problem: str = ""
    spots: AnnData | None = None
    mpp: float | None = None
    depth: float = 0.0
    picture: Picture | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A thumbnail and the spots on it.

    Attributes
    ----------
    image
        (h, w, 3) RGB.
    xy
        (n, 2) centres in pixels of the image.
    diameter
        In pixels of the image.
    shade
        (n,) total counts between 0 and 1: the lowest and the highest percent are cut off.
    """

    image: NDArray[np.uint8]
    xy: NDArray[np.float64]
    diameter: float
    shade: NDArray[np.float64]


def check_section(source: SectionSource) -> SectionCheck:
    """Open a section and check its counts; errors are told, not raised."""
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
        problem = f"{section.name} holds no counts. Training needs spots with counts."
        return SectionCheck(source, problem, spots, slide.mpp)
    check_counts(spots)
    counts = np.asarray(spots.X.sum(axis=1), dtype=np.float64).ravel()
    picture = _picture(section, counts)
    if not (counts >= _FEWEST_COUNTS).any():
        return SectionCheck(source, f"{section.name}: no spot has a count.", spots, slide.mpp)
    depth = float(np.median(counts))
    return SectionCheck(source, "", spots, slide.mpp, depth, picture)


def _picture(section: Section, counts: NDArray[np.float64]) -> Picture:
    image, downsample = section.slide.thumbnail(_LONGEST)
    low, high = np.percentile(counts, (1, 99))
    shade = np.clip((counts - low) / max(high - low, 1), 0, 1)
    diameter = spot_diameter(section.spots) / downsample
    return Picture(image, positions(section.spots) / downsample, diameter, shade)
