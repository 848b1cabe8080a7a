"""Slides, spots and sections as callers may write them: objects, paths, or names of samples.

Errors about arguments name the argument, what was expected and what was given.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from anndata import AnnData

from napari_stem import io
from napari_stem.api.hints import hinted
from napari_stem.api.keywords import with_options
from napari_stem.defaults import TISSUE_SHARE
from napari_stem.errors import OptionError, WrongType
from napari_stem.sections.named import names_section, open_named
from napari_stem.sections.opening import Opening
from napari_stem.sections.placing import place
from napari_stem.sections.section import Section, section_on
from napari_stem.slides.slide import Slide, open_slide
from napari_stem.spots import grid
from napari_stem.spots.visium import DIAMETER_UM, PITCH_UM

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_stem.defaults import Layout
    from napari_stem.spots.regions import RegionLike

SlideLike: TypeAlias = "Slide | str | Path"
SpotsLike: TypeAlias = "AnnData | str | Path"
SectionLike: TypeAlias = "Section | str | Path"
SectionsLike: TypeAlias = "SectionLike | Iterable[SectionLike]"


class Opened(ExitStack):
    """Opens what callers name, and at its end closes what it opened; their objects stay open."""

    def slide(
        self,
        value: SlideLike,
        name: str = "slide",
        *,
        mpp: float | None = None,
        opening: Opening | None = None,
    ) -> Slide:
        """A slide, opened if a path is given, at the scale of the file or at another one."""
        if isinstance(value, Slide):
            return value
        if isinstance(value, str | Path):
            chosen = opening or Opening()
            slide = open_slide(value, mpp=mpp, sparse=chosen.sparse, picture=chosen.picture)
            return self.enter_context(slide)
        raise WrongType.of(name, value, "a slide, a section, or the path or name of one")

    def section(self, value: SectionLike, name: str = "section", **opening: Any) -> Section:
        """A section, opened as by `read_section` if a path or the name of a sample is given."""
        if isinstance(value, Section):
            return value
        return self.enter_context(_open_section(value, name, **opening))

    def sections(self, value: SectionsLike, name: str = "sections") -> list[Section]:
        """Sections, of one or of several; a folder of sections stands for all of them."""
        several = [value] if isinstance(value, Section | str | Path) else value
        if not isinstance(several, Iterable):
            raise WrongType.of(name, value, "sections, or paths or names of sections")
        return [self.section(one, name) for each in several for one in _unfolded(each)]

    def place(
        self,
        slide: SlideLike | SectionLike,
        spots: SpotsLike | None,
        *,
        pitch_um: float | None = None,
        tissue_share: float = TISSUE_SHARE,
        image: str | Path | None = None,
        mpp: float | None = None,
        bin_um: float | None = None,
        opening: Opening | None = None,
    ) -> tuple[Slide, AnnData]:
        """A slide and its spots: those given, the section's own, or a grid over the tissue.

        Parameters
        ----------
        pitch_um
            Spot pitch in micrometres: of the grid, which then also replaces the section's own
            spots, or of a spot table, which then gives the scale of a slide without one.
        tissue_share
            Of a grid, as in `make_grid`.
        image, mpp, bin_um, opening
            As in `read_section`, for what is opened.
        """
        if isinstance(slide, str | Path) and names_section(slide):
            slide = self.section(slide, image=image, mpp=mpp, bin_um=bin_um, opening=opening)
        elif image is not None:
            raise OptionError(
                f"'{slide}' is a slide itself, so that image '{image}' cannot be another one. "
                "Name the spots instead."
            )
        if isinstance(slide, Section):
            if spots is None and pitch_um is None:
                return slide.slide, slide.spots
            slide = slide.slide
        opened = self.slide(slide, mpp=mpp, opening=opening)
        if spots is None:
            pitch_um = pitch_um or PITCH_UM
            return opened, grid.make_grid(opened, pitch_um=pitch_um, tissue_share=tissue_share)
        return _on(opened, spots, pitch_um, bin_um, opening)


def _open_section(value: str | Path, name: str, **opening: Any) -> Section:
    if not isinstance(value, str | Path):
        raise WrongType.of(name, value, 'a section, the path of one, or a name such as "her2st:C5"')
    return open_named(value, **opening)


def _on(
    slide: Slide,
    spots: SpotsLike,
    pitch_um: float | None,
    bin_um: float | None,
    opening: Opening | None,
) -> tuple[Slide, AnnData]:
    """Spots of a slide, read if a path is given, with which its scale and size must agree."""
    if isinstance(spots, AnnData):
        trust = opening is not None and opening.trust_positions
        table, slide = place(spots.copy(), slide, pitch_um=pitch_um, trust=trust)
        return slide, table
    if isinstance(spots, str | Path):
        section = section_on(
            slide, spots, pitch_um=pitch_um or PITCH_UM, spot_pitch_um=pitch_um, bin_um=bin_um,
            opening=opening,
        )  # fmt: skip
        return section.slide, section.spots
    raise WrongType.of("spots", spots, "a table of spots (AnnData), the path of one, or None")


def _unfolded(value: SectionLike) -> Iterator[SectionLike]:
    if isinstance(value, str | Path) and Path(value).is_dir():
        yield from io.find_sections(Path(value))
    else:
        yield value


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
    return _open_section(
        path, "path", image=image, mpp=mpp, pitch_um=pitch_um, bin_um=bin_um, symbols=symbols,
        opening=opening,
    )  # fmt: skip
