"""Suffixes of slide files, for dialogs and for finding slides near spots."""

from __future__ import annotations

from pathlib import Path

from napari_stem.text import printable

SCANNED = (".svs", ".ndpi", ".scn", ".mrxs", ".bif", ".vms", ".vmu", ".svslide", ".dcm")
MAYBE_RGB = (".tif", ".tiff", ".btf", ".czi")  # pictures of fluorescence, too
FLAT = (".jpg", ".jpeg", ".png")
SLIDES = (*SCANNED, *MAYBE_RGB, *FLAT)


def bare_name(path: Path) -> str:
    """A file name without the suffixes of its format."""
    stem = Path(path.name.removesuffix(".zip")).stem
    return printable(stem.removesuffix(".ome").removesuffix(".companion"))
