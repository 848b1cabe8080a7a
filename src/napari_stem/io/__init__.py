"""Readers of spots and predictions: one module per format, and the choice among them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_stem.errors import Hint, OptionError, Remedy, SpotsNotFound
from napari_stem.genes.names import named_by_symbol, read_other_symbols, with_other_symbols
from napari_stem.io.csv import read_csv
from napari_stem.io.geojson import read_geojson
from napari_stem.io.h5ad import read_h5ad
from napari_stem.io.hest import hest_tables, is_hest, read_hest
from napari_stem.io.legacy_st import is_legacy_st, read_legacy_st
from napari_stem.io.source import Source, source_of
from napari_stem.io.spaceranger import is_spaceranger, read_spaceranger
from napari_stem.io.spatialdata import is_predicted_spatialdata, read_predicted_spatialdata
from napari_stem.io.spatialdata_spots import is_spatialdata, read_spatialdata
from napari_stem.io.xenium import is_xenium, read_xenium
from napari_stem.storage import as_path

if TYPE_CHECKING:
    from anndata import AnnData

_READERS = {".h5ad": read_h5ad, ".csv": read_csv, ".tsv": read_csv, ".geojson": read_geojson}
_LAYOUTS = (
    (is_predicted_spatialdata, read_predicted_spatialdata),
    (is_spatialdata, read_spatialdata),
    (is_hest, read_hest),
    (is_legacy_st, read_legacy_st),
)
_BINNED = ((is_xenium, read_xenium), (is_spaceranger, read_spaceranger))
__all__ = [
    "Source",
    "find_sections",
    "is_spot_source",
    "read_spots",
    "source_of",
]


def is_spot_source(path: Path) -> bool:
    """Whether `read_spots` knows the format of this file or folder."""
    known = (matches for matches, _ in (*_BINNED, *_LAYOUTS))
    return path.suffix.lower() in _READERS or any(matches(path) for matches in known)


def find_sections(folder: Path) -> list[Path]:
    """Paths that `read_spots` reads as one section each: the folder, or what it contains.

    A data set in HEST's layout contains tables, other folders contain folders of sections. A
    folder of unknown layout is returned itself; reading it then says what is wrong.
    """
    if found := _sections_of(folder):
        return found
    inside = (_sections_of(path) for path in sorted(folder.iterdir()) if path.is_dir())
    return [section for found in inside for section in found] or [folder]


def _sections_of(folder: Path) -> list[Path]:
    return hest_tables(folder) or ([folder] if is_spot_source(folder) else [])


def read_spots(
    path: str | Path, *, bin_um: float | None = None, symbols: str | Path | None = None
) -> AnnData:
    """Read a spot table, with counts where there are any.

    Files: .h5ad, .csv, .tsv or .geojson. Folders: Space Ranger's (Visium, Visium HD), Xenium's,
    SpatialData (.zarr), data sets in HEST's layout, legacy ST arrays. Genes are named
    by symbols where the file has them; `source_of` gives what the format states about the slide.

    Parameters
    ----------
    path
        The file or the folder.
    bin_um
        Bin size of Visium HD in micrometres (default: the largest), or of the squares in which
        Xenium's transcripts are counted (default 100).
    symbols
        A table of old and current gene symbols, so that panels also find old symbols.

    Returns
    -------
    AnnData of spots by genes: raw counts in `X` where there are any, `obsm["spatial"]` (n, 2) x, y
    in level-0 pixels.

    Raises
    ------
    SpotsNotFound
        Nothing is there, or its format is unknown.
    SpotsError, CountsError
        The content cannot be used; the message names file and field.
    PanelError
        The table of symbols cannot be read.
    OptionError
        The format has no bins, or an optional dependency is missing.

    Examples
    --------
    >>> stem.read_spots(table).obs_names[0]
    'spot_0'
    """
    spots = named_by_symbol(_read(as_path(path, "spots"), bin_um))
    return with_other_symbols(spots, read_other_symbols(symbols)) if symbols else spots


def _read(path: Path, bin_um: float | None) -> AnnData:
    if not path.exists():
        raise SpotsNotFound(f"There is no spot table at '{path}'. Check the path.")
    for matches, read_binned in _BINNED:
        if matches(path):
            return read_binned(path, bin_um=bin_um)
    if bin_um is not None:
        raise OptionError(
            "Only Visium HD and Xenium have a bin size to choose; these spots are another "
            f"format. Path: '{path}'.",
            hint=Hint(Remedy.NO_BIN),
        )
    read = next((read for matches, read in _LAYOUTS if matches(path)), None)
    read = read or _READERS.get(path.suffix.lower())
    if read is None:
        raise SpotsNotFound(
            f"This is not a spot table. Supported are {', '.join(_READERS)} files, and "
            "folders of Space Ranger, Xenium, SpatialData, HEST and legacy ST arrays. "
            f"Path: '{path}'."
        )
    return read(path)
