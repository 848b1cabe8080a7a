"""Suffixes of slide files, for dialogs and for finding slides near spots."""

from __future__ import annotations

import re
from pathlib import Path

from napari_stem.text import printable

SCANNED = (".svs", ".ndpi", ".scn", ".mrxs", ".bif", ".vms", ".vmu", ".svslide", ".dcm")
MAYBE_RGB = (".tif", ".tiff", ".btf", ".czi")  # pictures of fluorescence, too
FLAT = (".jpg", ".jpeg", ".png")
_SHARED = re.compile(r"h&?e|image|tissue_(hires|lowres)_image", re.IGNORECASE)
SLIDES = (*SCANNED, *MAYBE_RGB, *FLAT)


def slide_name(path: Path) -> str:
    """The display name of a slide: its file's, or its folder's if all files of a kind share one."""
    name, folder = bare_name(path), path.absolute().parent.name
    return printable(folder) if folder and _SHARED.fullmatch(name) else name


def bare_name(path: Path) -> str:
    """A file name without the suffixes of its format."""
    stem = Path(path.name.removesuffix(".zip")).stem
    return printable(stem.removesuffix(".ome").removesuffix(".companion"))
