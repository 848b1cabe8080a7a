"""The pictures of a TIFF, and what its tags and descriptions tell of each."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from tifffile import TiffFile

from napari_stem.slides.mpp import Scale
from napari_stem.slides.pictures import Picture

# How a line of a description begins: Aperio's second one, the first of Philips and Ventana.
_SAID = re.compile(r"^\s*(label|macro|overview|thumbnail|preview)\b", re.IGNORECASE | re.MULTILINE)
_BEGINNING = 500  # characters


def tiff_pictures(tiff: TiffFile, scales: Sequence[Scale]) -> list[Picture]:
    """The pictures of a TIFF, one for each series, whose scales are known."""
    return [
        Picture(
            _name(series),
            series.keyframe.imagewidth,
            series.keyframe.imagelength,
            scale.mpp,
            has_levels=len(series.levels) > 1,
            is_tiled=bool(series.keyframe.is_tiled),
            is_reduced=bool(series.keyframe.is_reduced),
        )
        for series, scale in zip(tiff.series, scales, strict=True)
    ]


def _name(series: Any) -> str:
    """The name of a series; where it has none, what its description says, or its size."""
    page = series.keyframe
    if name := (series.name or "").strip():
        return str(name)
    if said := _SAID.search(page.description[:_BEGINNING]):
        return said[1].capitalize()
    return f"{page.imagewidth} x {page.imagelength}"
