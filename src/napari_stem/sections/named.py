"""Sections by what people write: the path of one, or the name of a sample."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from napari_stem.errors import OptionError
from napari_stem.io import is_spot_source
from napari_stem.sections.opening import Opening
from napari_stem.sections.public_data import is_sample, sample_section
from napari_stem.sections.section import Section, open_section
from napari_stem.slides.formats import is_slide


def names_section(text: str | Path) -> bool:
    """Whether a text means a section, and not a slide alone."""
    path = Path(text)
    return is_sample(str(text)) or is_spot_source(path) or (path.is_dir() and not is_slide(path))


def open_named(text: str | Path, **opening: Any) -> Section:
    """Open a section as `open_section` does, or a sample, which is opened as it is.

    Raises
    ------
    SlideError, SpotsError
        A part is missing or damaged, or the spots do not lie on the slide.
    OptionError
        There is no sample of that name, or it is to be opened in another way.
    """
    if not is_sample(str(text)):
        return open_section(text, **opening)
    if given := [name for name, value in opening.items() if value and value != Opening()]:
        raise OptionError(f"The sample '{text}' is opened as it is; leave out {', '.join(given)}.")
    return sample_section(str(text))
