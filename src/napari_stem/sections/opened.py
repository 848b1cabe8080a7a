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
from napari_stem.defaults import TISSUE_SHARE
from napari_stem.errors import OptionError, WrongType
from napari_stem.sections.named import names_section, open_named
from napari_stem.sections.opening import Opening
from napari_stem.sections.placing import place
from napari_stem.sections.section import Section, section_on
from napari_stem.slides.slide import Slide, open_slide
from napari_stem.spots import grid
from napari_stem.spots.visium import PITCH_UM

if TYPE_CHECKING:
    from collections.abc import Iterator

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
        return self.enter_context(open_as_named(value, name, **opening))

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


def open_as_named(value: str | Path, name: str, **opening: Any) -> Section:
    """Open a section as `named.open_named` does.

    Raises
    ------
    WrongType
        The argument `name` is neither a path nor a text.
    """
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
