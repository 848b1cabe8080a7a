"""Sections as the command line names them: files, folders, her2st:C2, generated:1."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_stem.cli.console import console
from napari_stem.errors import OptionError
from napari_stem.spots.visium import PITCH_UM

if TYPE_CHECKING:
    from napari_stem.sections.section import Section
    from napari_stem.training.plan import SectionSource


def section_of(name: str, data: Path | None, **options: Any) -> Section:
    """Open a section, a sample or one of the user's."""
    from napari_stem.sections.named import open_named

    return open_named(_her2st_folder(name, data) or name, **options)


def section_to_predict(
    slide: str, spots: Path | None, pitch: float | None, data: Path | None, **options: Any
) -> Section:
    """A section as it is, or a slide with spots from a file or a grid."""
    from napari_stem.io.annotations import drawn_regions
    from napari_stem.sections.named import names_section
    from napari_stem.sections.section import Section, open_section, section_on
    from napari_stem.slides.slide import open_slide
    from napari_stem.spots.grid import make_grid

    share, chosen = options.pop("tissue_share"), options["opening"]
    image = options.pop("image", None)
    if image and not names_section(slide):
        raise OptionError(
            f"'{slide}' is a slide itself, so --image cannot name another one. Name the spots "
            "with --spots."
        )
    if names_section(slide):
        section = section_of(slide, data, image=image, **options)
        if spots is None and pitch is None:
            return section
        opened = section.slide
    elif spots and not drawn_regions(spots):
        return open_section(spots, image=slide, pitch_um=pitch, **options)
    else:
        opened = open_slide(slide, mpp=options["mpp"])
    if spots:
        return section_on(
            opened, spots, pitch_um=pitch or PITCH_UM, bin_um=options["bin_um"], opening=chosen
        )
    grid = make_grid(opened, pitch_um=pitch or PITCH_UM, tissue_share=share)
    if left_out := grid.uns.get("excluded"):
        console.print(f"left out of the grid: {', '.join(left_out)}")
    return Section(opened.name, opened, grid)


def section_sources(
    name: str, data: Path | None, opening: dict[str, Any], *, image: str = ""
) -> tuple[SectionSource, ...]:
    """A section, or those of a folder; they are found when the run is resumed from elsewhere."""
    from napari_stem.io import find_sections
    from napari_stem.sections.public_data import is_sample
    from napari_stem.training.plan import SectionSource

    path = Path(name).resolve()
    if folder := _her2st_folder(name, data):
        places = [str(folder.resolve())]
    elif is_sample(name):
        places = [name]
    else:
        places = [str(place) for place in find_sections(path)] if path.is_dir() else [str(path)]
    if image and len(places) > 1:
        raise OptionError(
            f"'{name}' holds {len(places)} sections; give the image {image} for one of them."
        )
    image = str(Path(image).resolve()) if image else ""
    return tuple(SectionSource(place, image=image, **opening) for place in places)


def held_out_of(
    text: str | None, data: Path | None, opening: dict[str, Any], *, image: str = ""
) -> tuple[tuple[SectionSource, ...], float]:
    """What is held out: a section, those of a folder, or the share of each."""
    if text is None:
        return (), 0.0
    if re.fullmatch(r"0?\.\d+", text):
        return (), float(text)
    return section_sources(text, data, opening, image=image), 0.0


def _her2st_folder(name: str, data: Path | None) -> Path | None:
    """Where a section of HER2ST lies; None for other names."""
    from napari_stem.sections.public_data import HER2ST, her2st_folder

    kind, _, section = name.partition(":")
    return her2st_folder(section, data) if kind == "her2st" and section in HER2ST else None
