"""Data sets in HEST-1k's layout: wsis/ID.tif, st/ID.h5ad and metadata/ID.json.

Source: github.com/mahmoodlab/HEST. Upstream's data sets lie in the same folders.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from napari_stem.errors import SpotsNotFound
from napari_stem.io.bounded import read_json
from napari_stem.io.h5ad import read_h5ad
from napari_stem.slides.suffixes import bare_name
from napari_stem.spots.source import source_of, with_source

if TYPE_CHECKING:
    from anndata import AnnData

_SPOTS, _SLIDES, _METADATA = "st", "wsis", "metadata"
_SCALES = ("pixel_size_um_estimated", "pixel_size_um_embedded")
_PITCH = "inter_spot_dist"


def is_hest(path: Path) -> bool:
    """Whether this is a data set of that layout, or one of its spot tables."""
    if path.is_dir():
        return bool(hest_tables(path))
    return path.suffix == ".h5ad" and path.parent.name == _SPOTS and _has_slides(path.parent.parent)


def hest_tables(root: Path) -> list[Path]:
    """Spot tables of the sections of a data set, none where a folder is no data set."""
    return sorted((root / _SPOTS).glob("*.h5ad")) if _has_slides(root) else []


def read_hest(path: Path, **reading: str) -> AnnData:
    """Spots of a section, with raw counts and what the metadata state about its slide.

    Parameters
    ----------
    path
        st/ID.h5ad, or the data set if it has one section.
    reading
        As of `read_h5ad`.

    Raises
    ------
    SpotsNotFound
        The data set has several sections; the message names them.
    SpotsError
        The table or the metadata are damaged.
    """
    if path.is_dir():
        tables = hest_tables(path)
        if len(tables) != 1:
            names = ", ".join(table.stem for table in tables[:6])
            raise SpotsNotFound(
                f"The data set has {len(tables)} sections "
                f"({names}{' …' * (len(tables) > 6)}); only one can be opened. Choose one, "
                f"for example '{tables[0]}'."
            )
        path = tables[0]
    root, name = path.parent.parent, path.stem
    about = root / _METADATA / f"{name}.json"
    known = read_json(about) if about.is_file() else {}
    images = sorted(file for file in (root / _SLIDES).iterdir() if bare_name(file) == name)
    mpp = next((size for key in _SCALES if (size := _positive(known.get(key)))), None)
    technology = str(known.get("st_technology", ""))
    spots = read_h5ad(path, **reading)
    source = replace(
        source_of(spots),
        format=f"HEST, {technology}" if technology else "HEST",
        pitch_um=_positive(known.get(_PITCH)),
        mpp=mpp,
        images=tuple(images),
    )
    return with_source(spots, source)


def _has_slides(root: Path) -> bool:
    return (root / _SLIDES).is_dir()


def _positive(value: object) -> float | None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if number and 0 < value < float("inf") else None  # type: ignore[arg-type, operator]
