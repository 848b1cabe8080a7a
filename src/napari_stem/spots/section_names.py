"""Display names of sections, from paths alone: nothing is read."""

from __future__ import annotations

import re
from pathlib import Path

from napari_stem.text import printable

_TABLES = (".h5ad", ".csv", ".tsv", ".geojson", ".zarr")
_GIVEN = re.compile(r"outs|binned_outputs|square_\d{3}um")  # the same for every sample


def section_name(path: str | Path) -> str:
    """The name of a spot table without its suffix, of a folder, or of a sample.

    A folder whose name Space Ranger gives bears that of the sample's folder around it.
    """
    path = Path(path)
    if path.suffix.lower() in _TABLES:
        return printable(path.stem)
    named = [folder.name for folder in up_to_sample(path) if folder.name]
    return printable(named[-1].replace(":", "-")) if named else "section"


def up_to_sample(folder: Path) -> list[Path]:
    """The folder and those around it, as long as it bears a name that Space Ranger gives."""
    folders = [folder.absolute()]
    while _GIVEN.fullmatch(folders[-1].name):
        folders.append(folders[-1].parent)
    return folders
