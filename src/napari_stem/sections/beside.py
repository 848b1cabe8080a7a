"""Finds the spots and counts that lie with an image."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from napari_stem.io import is_spot_source
from napari_stem.io.hest import is_hest
from napari_stem.io.legacy_st import find_images
from napari_stem.io.spaceranger import is_spaceranger
from napari_stem.slides.suffixes import bare_name


def spots_beside(image: Path) -> Path | None:
    """The spots of an image, as `read_spots` takes them; None if none lie with it for certain.

    They are those of its folder if it is the only image there, those of its name in a data set in
    HEST's layout, or those of a Space Ranger folder whose small picture it is.
    """
    try:
        return next(_found(image), None)
    except OSError:  # a folder that may not be listed
        return None


def _found(image: Path) -> Iterator[Path]:
    folder, above = image.parent, image.parent.parent
    table = above / "st" / f"{bare_name(image)}.h5ad"
    if folder.name == "wsis" and table.is_file() and is_hest(table):
        yield table
    if folder.name == "spatial" and is_spaceranger(above):
        yield above
    if find_images(folder) == [image] and is_spot_source(folder):
        yield folder
