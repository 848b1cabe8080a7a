"""Folders that Space Ranger writes: Visium (versions 1 and 2, CytAssist) and Visium HD's bins.

`outs/spatial` holds coordinates and scale factors, `outs` the matrix; Visium HD has both for each
bin size, in `outs/binned_outputs/square_008um` and the like. Coordinates are in pixels of the
input image, which Space Ranger does not copy: the slide is searched for near the folder.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from napari_stem.errors import CountsError, Hint, OptionError, Remedy, SpotsError, SpotsNotFound
from napari_stem.io.bounded import read_json
from napari_stem.io.matrix10x import Matrix, find_matrix, read_matrix
from napari_stem.io.naming import named
from napari_stem.io.pictures import is_drawn, size_by_files
from napari_stem.io.visium_positions import read_positions
from napari_stem.slides.suffixes import SLIDES
from napari_stem.spots.notes import add_notes
from napari_stem.spots.section_names import section_name, up_to_sample
from napari_stem.spots.source import Source, with_source
from napari_stem.spots.table import check_counts, library, spot_table
from napari_stem.spots.visium import PITCH_UM

if TYPE_CHECKING:
    from anndata import AnnData

_FIRST = "tissue_positions_list.csv"  # of version 1, without a header
_POSITIONS = (
    "tissue_positions.parquet", "tissue_positions.csv", "tissue_positions.csv.gz", _FIRST,
    f"{_FIRST}.gz",
)  # fmt: skip
_FACTORS = "scalefactors_json.json"
_BIN = re.compile(r"square_(\d{3})um")
_REGISTERED = "regist_target_img_scalef"  # of the picture that CytAssist's was aligned to
_ALONE = (
    "a CytAssist run without its microscope image: the pictures in its folder are reduced to about "
    "3,000 pixels or show the instrument's own view"
)
_FILTERED = "filtered_feature_bc_matrix"  # of the spots inside the tissue
_FEW = 0.05  # of the spots, that a run may have beside those
_FINEST_UM = 8  # smaller bins count a few molecules each, and number millions


def is_spaceranger(path: Path) -> bool:
    """Whether this is a Space Ranger folder, or its parent."""
    return path.is_dir() and (_spatial(path) is not None or bool(_bins(path)))


def read_spaceranger(path: Path, *, bin_um: float | None = None) -> AnnData:
    """Spots or bins inside the tissue, with raw counts where there is a matrix.

    Parameters
    ----------
    path
        The folder "outs", its parent, or for Visium HD also "binned_outputs" or the folder of one
        bin size.
    bin_um
        Bin size of Visium HD in micrometres; default: the largest. Bins below 8 µm are read only
        if requested here.

    Returns
    -------
    A spot table with all scale factors, and `obs` "array_row" and "array_col".
    `uns["not_counted"]` is the number of spots inside the tissue that are not in the matrix; they
    are left out.

    Raises
    ------
    SpotsNotFound
        The folder has no coordinates, or no bins of this size.
    SpotsError, CountsError
        Files are damaged or do not belong together.
    OptionError
        The bins are too small to read unless requested, or the folder has no bins.
    """
    folder = _chosen_bin(path, bin_um)
    spatial = _spatial(folder)
    if spatial is None:
        raise SpotsNotFound(
            f"The folder has no spatial/{_POSITIONS[1]}. Choose Space Ranger's folder "
            f"'outs'. Folder: '{folder}'."
        )
    scalefactors = _scalefactors(_packed(spatial / _FACTORS))
    positions_file = next(p for name in _POSITIONS if (p := spatial / name).is_file())
    places = read_positions(positions_file)
    matrix_file = find_matrix(spatial.parent)
    matrix = read_matrix(matrix_file) if matrix_file else None
    kept = _counted(places, matrix, positions_file, matrix_file)
    with named(positions_file):
        table = spot_table(
            kept[["pxl_col_in_fullres", "pxl_row_in_fullres"]].to_numpy(float),
            diameter_px=scalefactors["spot_diameter_fullres"],
            ids=list(kept.index),
            counts=matrix.counts[matrix.barcodes.get_indexer(kept.index)] if matrix else None,
            genes=list(matrix.var.index) if matrix else None,
            library=section_name(path),
        )
    table.obs[["array_row", "array_col"]] = kept[["array_row", "array_col"]].to_numpy(int)
    table.uns["spatial"][library(table)]["scalefactors"] = scalefactors
    table.uns["not_counted"] = int(places["in_tissue"].sum()) - len(kept)
    if matrix and matrix_file:
        table.var = matrix.var
        with named(matrix_file):
            check_counts(table)
    images = find_slides(spatial.parent)
    if not images and _is_cytassist(spatial, scalefactors):
        add_notes(table, [_ALONE])
    source = Source(
        _format(spatial, scalefactors, positions_file),
        pitch_um=scalefactors.get("bin_size_um") or PITCH_UM,
        images=tuple(images),
        image_size=size_by_files(spatial, scalefactors),
    )
    sizes = tuple(size for size in sorted(_bins(path)) if size >= _FINEST_UM)
    if len(sizes) > 1:
        source = replace(source, bins=sizes, folder=path.absolute())
    return with_source(table, source)


def find_slides(folder: Path) -> list[Path]:
    """Images near a Space Ranger folder that may be its slide: the nearest ones.

    The search covers the folder with the coordinates, its parents up to the sample's folder, and
    their "image", "images" and "spatial". Images that Space Ranger writes are ignored.
    """
    for around in up_to_sample(folder):
        for place in (around, *(around / name for name in ("image", "images", "spatial"))):
            found = [
                p for p in sorted(place.glob("*")) if p.suffix.lower() in SLIDES and not is_drawn(p)
            ]
            if found:
                return found
    return []


def _spatial(folder: Path) -> Path | None:
    for spatial in (folder / "spatial", folder / "outs" / "spatial"):
        if any((spatial / name).is_file() for name in _POSITIONS):
            return spatial
    return None


def _bins(path: Path) -> dict[int, Path]:
    """Folders of a Visium HD run by bin size in micrometres."""
    for folder in (path, path / "binned_outputs", path / "outs" / "binned_outputs"):
        found = {
            int(size[1]): p
            for p in sorted(folder.glob("square_*"))
            if p.is_dir() and (size := _BIN.fullmatch(p.name))
        }
        if found:
            return found
    return {}


def _chosen_bin(path: Path, bin_um: float | None) -> Path:
    if named_bin := _BIN.fullmatch(path.absolute().name):
        size = int(named_bin[1])
        if size < _FINEST_UM and bin_um != size:
            raise OptionError(
                f"Bins of {size} µm are too many and too sparse: millions of bins with a "
                "few transcripts each. Use square_008um or square_016um, or ask "
                f"explicitly for bins of {size} µm. Folder: '{path}'.",
                hint=Hint(Remedy.BIN, str(size)),
            )
        if bin_um not in (None, size):
            raise OptionError(
                f"This folder has bins of {size} µm, not of {bin_um:g} µm. Choose its "
                f"parent folder, or bins of {size} µm. Folder: '{path}'.",
                hint=Hint(Remedy.NO_BIN),
            )
        return path
    bins = _bins(path)
    if not bins:
        if bin_um is not None:
            raise OptionError(
                f"This folder has spots without bins, so bins of {bin_um:g} µm cannot be "
                f"chosen. Folder: '{path}'.",
                hint=Hint(Remedy.NO_BIN),
            )
        return path
    if bin_um is None:
        bin_um = max(bins)
        return _chosen_bin(bins[int(bin_um)], None)
    if bin_um not in bins:
        raise SpotsNotFound(
            f"There are no bins of {bin_um:g} µm. Available: "
            f"{', '.join(map(str, sorted(bins)))} µm. Folder: '{path}'."
        )
    return bins[int(bin_um)]


def _packed(path: Path) -> Path:
    """The file, or its gzip where there is only that."""
    packed = path.with_name(f"{path.name}.gz")
    return packed if packed.is_file() and not path.is_file() else path


def _scalefactors(path: Path) -> dict[str, float]:
    content = read_json(path)
    factors = {
        str(name): float(value)
        for name, value in content.items()
        if isinstance(value, int | float) and np.isfinite(value)
    }
    if not factors.get("spot_diameter_fullres", 0) > 0:
        raise SpotsError(
            f"spot_diameter_fullres, the spot diameter in pixels, is missing. File: '{path}'."
        )
    return factors


def _counted(
    places: pd.DataFrame, matrix: Matrix | None, positions_file: Path, matrix_file: Path | None
) -> pd.DataFrame:
    inside = places[places["in_tissue"]]
    if inside.empty:
        raise SpotsError(
            f"No spot is inside the tissue (in_tissue is never 1). File: '{positions_file}'."
        )
    if matrix is None:
        return inside
    counted = inside[inside.index.isin(matrix.barcodes)]
    unknown = matrix.barcodes.difference(places.index)
    if counted.empty or len(unknown) > len(matrix.barcodes) // 2:
        raise CountsError(
            f"Of {len(matrix.barcodes)} barcodes with counts, {len(unknown)} are not in "
            f"'{positions_file.name}' and {len(counted)} lie inside the tissue. Check that "
            f"both files belong to the same run. File: '{matrix_file}'."
        )
    if matrix_file and _FILTERED in matrix_file.name:  # barcodes are the same on every slide
        beside = int(matrix.barcodes.isin(places.index[~places["in_tissue"]]).sum())
        missed = len(inside) - len(counted)
        if beside > _FEW * len(matrix.barcodes) and missed > _FEW * len(inside):
            raise CountsError(
                f"Of {len(matrix.barcodes)} barcodes with counts, {beside} lie outside the tissue "
                f"by '{positions_file.name}', and {missed} inside of it have none. Check that "
                f"both files belong to the same run. File: '{matrix_file}'."
            )
    return counted


def _is_cytassist(spatial: Path, scalefactors: dict[str, float]) -> bool:
    return (spatial / "cytassist_image.tiff").is_file() or _REGISTERED in scalefactors


def _format(spatial: Path, scalefactors: dict[str, float], positions_file: Path) -> str:
    if size := scalefactors.get("bin_size_um"):
        return f"Visium HD, {size:g} µm bins"
    if _is_cytassist(spatial, scalefactors):
        return "Visium CytAssist"
    first = positions_file.name.startswith(_FIRST)
    return f"Visium, Space Ranger {'1' if first else '2 or later'}"
