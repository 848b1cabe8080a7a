"""Folders of a section that someone put together: one spot table beside its image."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from napari_stem.errors import SpotsNotFound
from napari_stem.io.csv import read_csv
from napari_stem.io.h5ad import is_prediction, read_h5ad
from napari_stem.io.legacy_st import find_images
from napari_stem.spots.source import source_of, with_source

if TYPE_CHECKING:
    from anndata import AnnData

_TABLES = (".h5ad", ".csv", ".tsv")  # the richest first


def is_section_folder(path: Path) -> bool:
    """Whether a folder holds one spot table and an image."""
    return path.is_dir() and _table(path) is not None and bool(find_images(path))


def read_section_folder(folder: Path, **reading: str) -> AnnData:
    """The spot table of a folder.

    Parameters
    ----------
    reading
        As of `read_h5ad`.

    Raises
    ------
    SpotsNotFound
        There is none, or several.
    SpotsError
        The table cannot be used.
    """
    path = _table(folder)
    if path is None:
        raise SpotsNotFound(f"The folder needs exactly one spot table. Folder: '{folder}'.")
    spots = read_h5ad(path, **reading) if path.suffix.lower() == ".h5ad" else read_csv(path)
    return with_source(spots, replace(source_of(spots), images=tuple(find_images(folder))))


def _table(folder: Path) -> Path | None:
    """The only spot table of the richest format that there is; None otherwise."""
    files = [path for path in sorted(folder.iterdir()) if path.is_file()]
    for suffix in _TABLES:
        found = [path for path in files if path.suffix.lower() == suffix]
        found = [path for path in found if not is_prediction(path)]
        if found:
            return found[0] if len(found) == 1 else None
    return None
