"""Readers of spots and predictions: one module per format, and the choice among them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from anndata import AnnData

from napari_stem.errors import Hint, OptionError, Remedy, SpotsNotFound
from napari_stem.genes.names import named_by_symbol, read_other_symbols, with_other_symbols
from napari_stem.io.csv import read_csv
from napari_stem.io.geojson import read_geojson
from napari_stem.io.h5ad import read_h5ad
from napari_stem.io.hest import hest_tables, is_hest, read_hest
from napari_stem.io.legacy_st import is_legacy_st, read_legacy_st
from napari_stem.io.section_folder import is_section_folder, read_section_folder
from napari_stem.io.spaceranger import is_spaceranger, read_spaceranger
from napari_stem.io.spatialdata import is_predicted_spatialdata, read_predicted_spatialdata
from napari_stem.io.spatialdata_spots import is_spatialdata, read_spatialdata
from napari_stem.io.xenium import is_xenium, read_xenium
from napari_stem.storage import as_path

_SUFFIXES = (".h5ad", ".csv", ".tsv", ".geojson")
_TABLE = frozenset({"library", "layer"})
_BINS = frozenset({"bin_um"})


@dataclass(frozen=True, slots=True)
class _Format:
    """A format of spots: how it is known and read, and what a reader can choose in it."""

    matches: Callable[[Path], bool]
    read: Callable[..., AnnData]
    chosen: frozenset[str] = frozenset()


def _suffix(*known: str) -> Callable[[Path], bool]:
    return lambda path: path.suffix.lower() in known


_FORMATS = (
    _Format(is_xenium, read_xenium, _BINS),
    _Format(is_spaceranger, read_spaceranger, _BINS),
    _Format(is_predicted_spatialdata, read_predicted_spatialdata),
    _Format(is_spatialdata, read_spatialdata, _BINS),
    _Format(is_hest, read_hest, _TABLE),
    _Format(is_legacy_st, read_legacy_st),
    _Format(is_section_folder, read_section_folder, _TABLE),
    _Format(_suffix(".h5ad"), read_h5ad, _TABLE),
    _Format(_suffix(".csv", ".tsv"), read_csv),
    _Format(_suffix(".geojson"), read_geojson),
)
_REFUSALS = {
    "bin_um": (
        "Only Visium HD, Xenium and SpatialData have a bin size to choose",
        Hint(Remedy.NO_BIN),
    ),
    "library": ("Only .h5ad files have several slides to choose from", None),
    "layer": ("Only .h5ad files have layers of counts to choose from", None),
}
__all__ = [
    "find_sections",
    "is_spot_source",
    "read_spots",
]


def is_spot_source(path: Path) -> bool:
    """Whether `read_spots` knows the format of this file or folder."""
    return any(known.matches(path) for known in _FORMATS)


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
    path: str | Path,
    *,
    bin_um: float | None = None,
    symbols: str | Path | None = None,
    library: str = "",
    layer: str = "",
) -> AnnData:
    """Read a spot table, with counts where there are any.

    Files: .h5ad, .csv, .tsv or .geojson. Folders: Space Ranger's (Visium, Visium HD), Xenium's,
    SpatialData (.zarr), data sets in HEST's layout, legacy ST arrays. Genes are named
    by symbols where the file has them; `spots.source.source_of` tells what
    the format states about the slide.

    Parameters
    ----------
    path
        The file or the folder.
    bin_um
        Bin size of Visium HD in micrometres (default: the largest), or of the squares in which
        Xenium's transcripts are counted (default 100).
    symbols
        A table of old and current gene symbols, so that panels also find old symbols.
    library
        Slide of an .h5ad file whose rows are of several, by its name in `uns["spatial"]`.
    layer
        Layer of an .h5ad file that holds the raw counts. Without it they are looked for in `X`,
        `layers["counts"]` and `.raw`.

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
    chosen = {"bin_um": bin_um, "library": library, "layer": layer}
    given = {name: value for name, value in chosen.items() if value not in (None, "")}
    spots = named_by_symbol(_read(as_path(path, "spots"), given))
    return with_other_symbols(spots, read_other_symbols(symbols)) if symbols else spots


def _read(path: Path, given: Mapping[str, object]) -> AnnData:
    if not path.exists():
        raise SpotsNotFound(f"There is no spot table at '{path}'. Check the path.")
    known = next((known for known in _FORMATS if known.matches(path)), None)
    if known is None:
        raise SpotsNotFound(
            f"This is not a spot table. Supported are {', '.join(_SUFFIXES)} files, and "
            "folders of Space Ranger, Xenium, SpatialData, HEST and legacy ST arrays, or with "
            f"one table beside an image. Path: '{path}'."
        )
    for name in given:
        if name not in known.chosen:
            why, hint = _REFUSALS[name]
            raise OptionError(f"{why}; these spots are another format. Path: '{path}'.", hint=hint)
    return known.read(path, **given)
