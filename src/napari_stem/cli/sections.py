"""Sections as the command line names them: files, folders, her2st:C2, generated:1."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_stem.errors import OptionError

if TYPE_CHECKING:
    from napari_stem.training.plan import SectionSource


def located(name: str, data: Path | None) -> str | Path:
    """A section's name or path, or where its files lie if it is one of HER2ST."""
    return _her2st_folder(name, data) or name


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


def named_sources(
    names: Sequence[str], data: Path | None, opening: dict[str, Any], images: Mapping[str, str]
) -> list[tuple[str, SectionSource]]:
    """The sections of several names, each with the name that it came by; some have an image."""
    return [
        (name, source)
        for name in names
        for source in section_sources(name, data, opening, image=images.get(name, ""))
    ]


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
