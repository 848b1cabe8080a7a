"""Sections, spots and grids, opened or made of what callers name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from anndata import AnnData

from napari_stem import io
from napari_stem.api.hints import hinted
from napari_stem.api.keywords import with_options
from napari_stem.defaults import TISSUE_SHARE
from napari_stem.sections.opened import Opened, SlideLike, open_as_named
from napari_stem.sections.opening import Opening
from napari_stem.sections.section import Section
from napari_stem.spots import grid
from napari_stem.spots.visium import DIAMETER_UM, PITCH_UM

if TYPE_CHECKING:
    from napari_stem.defaults import Layout
    from napari_stem.spots.regions import RegionLike


@hinted()
def make_grid(
    slide: SlideLike,
    *,
    pitch_um: float = PITCH_UM,
    diameter_um: float = DIAMETER_UM,
    layout: Layout = "hex",
    region: RegionLike | None = None,
    on_tissue: bool = True,
    tissue_share: float = TISSUE_SHARE,
) -> AnnData:
    """Spots at regular distances over a slide; the defaults are Visium's.

    Parameters
    ----------
    slide
        A slide, or the path of one.
    pitch_um, diameter_um
        Distance between neighbouring spots and diameter of a spot, in micrometres.
    layout
        "hex" shifts every second row by half a pitch; "square" does not.
    region
        Area of the spots: corners (m, 2) of a polygon, x and y in level-0 pixels; a shapely
        polygon; GeoJSON, as a mapping or the path of a file; or several of these.
    on_tissue
        Leave out spots whose centre is on the background, on ink, or out of focus.
    tissue_share
        Least share of a spot's disc that is tissue, between 0 and 1. Small gaps, in which a
        centre may lie, are no tissue here.

    Returns
    -------
    A spot table without counts.

    Raises
    ------
    MissingScale
        The slide states no micrometres per pixel.
    OptionError
        A length is not positive or too small, the layout is unknown, the region no polygon.
    SpotsError
        No spot is left.

    Examples
    --------
    >>> stem.make_grid(slide, pitch_um=100, on_tissue=False).obsm["spatial"].shape
    (33, 2)
    """
    with Opened() as opened:
        return grid.make_grid(
            opened.slide(slide), pitch_um=pitch_um, diameter_um=diameter_um, layout=layout,
            region=region, on_tissue=on_tissue, tissue_share=tissue_share,
        )  # fmt: skip


read_spots = hinted()(io.read_spots)


@hinted()
@with_options(opening=Opening)
def read_section(
    path: str | Path,
    *,
    image: str | Path | None = None,
    mpp: float | None = None,
    pitch_um: float | None = None,
    bin_um: float | None = None,
    symbols: str | Path | None = None,
    opening: Opening,
) -> Section:
    """Open a slide with the spots that belong to it.

    Parameters
    ----------
    path
        A folder with an image and spots (Space Ranger, Xenium, HEST, a legacy ST array), a spot
        table, or the name of a sample: "her2st:C5", "generated:1".
    image
        The slide, if it is not in the folder of the spots.
    mpp
        Micrometres per pixel, if neither the slide nor the spots state it.
    pitch_um
        Spot pitch in micrometres (Visium 100, legacy ST arrays 200), which gives the scale if
        nothing else states it.
    bin_um
        Bin size of Visium HD, or of the squares in which Xenium's transcripts are counted.
    symbols
        A table of old and current gene symbols, so that panels also find old symbols.
    {options}

    Returns
    -------
    The section: `name`, `slide`, `notes` (what was found and assumed), and `spots` (an AnnData
    whose `obsm["spatial"]` is (n, 2) x, y in level-0 pixels, with raw counts in `X` where there
    are any). Close it, or use it in `with`.

    Raises
    ------
    SlideError, SpotsError
        A part is missing or damaged, or spots and slide contradict each other.

    Examples
    --------
    >>> with stem.read_section("generated:1") as section:
    ...     section.slide.mpp
    0.5
    """
    return open_as_named(
        path, "path", image=image, mpp=mpp, pitch_um=pitch_um, bin_um=bin_um, symbols=symbols,
        opening=opening,
    )  # fmt: skip
