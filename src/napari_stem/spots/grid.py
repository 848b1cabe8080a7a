"""A regular grid of spots over a slide."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import numpy as np

from napari_stem.defaults import TISSUE_SHARE, Layout
from napari_stem.errors import OptionError, SpotsError
from napari_stem.slides.artifacts import Excluded
from napari_stem.slides.tissue import tissue_mask
from napari_stem.spots.notes import add_notes
from napari_stem.spots.polygons import inside
from napari_stem.spots.regions import as_polygons
from napari_stem.spots.source import Source, with_source
from napari_stem.spots.table import spot_table
from napari_stem.spots.visium import DIAMETER_UM, PITCH_UM

if TYPE_CHECKING:
    from anndata import AnnData
    from numpy.typing import NDArray

    from napari_stem.slides.slide import Slide
    from napari_stem.spots.regions import RegionLike

_MOST = 5_000_000  # spots of a grid


def make_grid(
    slide: Slide,
    *,
    pitch_um: float = PITCH_UM,
    diameter_um: float = DIAMETER_UM,
    layout: Layout = "hex",
    region: RegionLike | None = None,
    on_tissue: bool = True,
    tissue_share: float = TISSUE_SHARE,
) -> AnnData:
    """Spots at regular distances; the defaults are Visium's.

    `region` is whatever `regions.as_polygons` takes. `napari_stem.make_grid` describes the others.

    Raises
    ------
    MissingScale, OptionError, SpotsError
        There is no scale, an option cannot be used, or no spot is left.
    """
    if not (pitch_um > 0 and diameter_um > 0):
        raise OptionError(
            f"The grid's pitch is {pitch_um:g} µm and its spot diameter {diameter_um:g} µm; "
            "both must be positive."
        )
    if layout not in get_args(Layout):
        raise OptionError(f"layout '{layout}' is unknown; choose {' or '.join(get_args(Layout))}.")
    if not 0 <= tissue_share <= 1:
        raise OptionError(f"tissue_share is {tissue_share:g}; it must be between 0 and 1.")
    mpp = slide.require_mpp()
    _check_number(slide, pitch_um / mpp)
    xy = lattice(slide.width, slide.height, pitch_um / mpp, layout)
    if region is not None:
        xy = xy[inside(xy, as_polygons(region))]
    excluded: tuple[Excluded, ...] = ()
    if on_tissue and len(xy):
        tissue = tissue_mask(slide)
        under = tissue.share_under(xy, diameter_um / mpp)
        xy, excluded = xy[tissue.contains(xy) & (under >= tissue_share)], tissue.excluded
    if not len(xy):
        place = "tissue" if on_tissue else "any part"
        raise SpotsError(
            f"A grid with a pitch of {pitch_um:g} µm has no spot on {place} of "
            f"'{slide.name}'{' in the region' if region is not None else ''}. Choose a "
            "smaller pitch or another region, or include the background."
        )
    spots = spot_table(xy, diameter_px=diameter_um / mpp, library=slide.name)
    with_source(spots, Source("grid", made_on=slide.fingerprint))
    if excluded:
        add_notes(spots, [f"excluded from the tissue: {', '.join(map(str, excluded))}"])
    return spots


def lattice(width: int, height: int, pitch: float, layout: Layout = "hex") -> NDArray[np.float64]:
    """(n, 2) points of a lattice within a rectangle, row by row, half a pitch from its border.

    Parameters
    ----------
    width, height, pitch
        In the same unit, such as level-0 pixels.
    layout
        "hex" shifts every second row by half a pitch; its last point may lie a quarter from the
        border.
    """
    row_distance = pitch * (np.sqrt(3) / 2 if layout == "hex" else 1)
    rows = np.arange(pitch / 2, height - pitch / 2 + 1e-9, row_distance)
    columns = np.arange(pitch / 2, width - pitch / 2 + 1e-9, pitch)
    x, y = np.meshgrid(columns, rows)
    if layout == "hex":
        x[1::2] += pitch / 2
    xy = np.column_stack([x.ravel(), y.ravel()])
    return xy[xy[:, 0] <= width - pitch / 4]


def _check_number(slide: Slide, pitch: float) -> None:
    mpp = slide.require_mpp()
    if pitch > max(slide.width, slide.height):
        raise OptionError(
            f"A pitch of {pitch * mpp:,.0f} µm is larger than '{slide.name}', which is "
            f"{slide.width * mpp:,.0f} x {slide.height * mpp:,.0f} µm. Choose a smaller pitch."
        )
    spots = slide.width * slide.height / pitch**2
    if spots > _MOST:
        raise OptionError(
            f"A grid with a pitch of {pitch * mpp:g} µm on '{slide.name}' "
            f"has about {spots:.2g} spots; at most {_MOST:,} are allowed. Choose a larger "
            "pitch."
        )
