"""Sections by what people write: the path of one, or the name of a sample."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from napari_stem.io import is_spot_source
from napari_stem.sections.public_data import is_sample, sample_section
from napari_stem.sections.section import Section, open_section
from napari_stem.slides.formats import is_slide


def names_section(text: str | Path) -> bool:
    """Whether a text means a section, and not a slide alone."""
    path = Path(text)
    return is_sample(str(text)) or is_spot_source(path) or (path.is_dir() and not is_slide(path))


def open_named(text: str | Path, **opening: Any) -> Section:
    """Open a section as `open_section` does, or a sample, to which `opening` does not matter.

    Raises
    ------
    SlideError, SpotsError
        A part is missing or damaged, or the spots do not lie on the slide.
    OptionError
        There is no sample of that name.
    """
    return sample_section(str(text)) if is_sample(str(text)) else open_section(text, **opening)
