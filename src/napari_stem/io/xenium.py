"""Xenium's output folders as pseudo-spots: transcripts counted in the squares of a grid.

Xenium counts in micrometres of its own image. With 10x's alignment of the H&E image in the folder
(*_imagealignment.csv), coordinates are pixels of that image, otherwise of the morphology image.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import sparse

from napari_stem.errors import OptionError, SpotsError, SpotsNotFound
from napari_stem.io.bounded import UNREADABLE, read_json
from napari_stem.io.matrix10x import find_matrix, read_matrix
from napari_stem.io.naming import named
from napari_stem.io.parquet import iter_parquet, read_parquet
from napari_stem.spots.notes import add_notes
from napari_stem.spots.source import Source, with_source
from napari_stem.spots.table import spot_table
from napari_stem.spots.visium import DIAMETER_OVER_PITCH, PITCH_UM
from napari_stem.text import a_few, one_line

if TYPE_CHECKING:
    from anndata import AnnData
    from numpy.typing import NDArray

_MANIFEST, _MOLECULES, _CELLS = "experiment.xenium", "transcripts.parquet", "cells.parquet"
_QUALITY = 20  # Phred-scaled; 10x's own count matrices begin there
_CONTROLS = ("NegControl", "Unassigned", "Deprecated", "BLANK", "antisense", "Intergenic")
_PIXEL_UM = 0.2125  # of the morphology image, where the manifest states none
_FINEST_UM = 2.0
_MOST_CODES = 1 << 31
_UNALIGNED = "no alignment of the H&E image found: coordinates are pixels of Xenium's own image"


@dataclass(frozen=True, slots=True)
class _Tally:
    """Molecules by square of the grid and gene; each pair once."""

    squares: NDArray[np.int64]  # (m, 2), columns and rows of the grid
    genes: NDArray[np.int64]  # (m,)
    counts: NDArray[np.float32]  # (m,)
    names: list[str]


def is_xenium(path: Path) -> bool:
    """Whether a folder holds Xenium's molecules, or its cells with their matrix."""
    if not path.is_dir():
        return False
    manifest = (path / _MANIFEST).is_file()
    return (path / _MOLECULES).is_file() or (manifest and (path / _CELLS).is_file())


def read_xenium(path: Path, *, bin_um: float | None = None) -> AnnData:
    """Squares of a grid that contain transcripts, with their counts.

    Transcripts of a quality below 20 and controls are left out, as in 10x's matrices. Without
    transcripts.parquet, whole cells are counted in the square of their centre.

    Parameters
    ----------
    bin_um
        Side of a square in micrometres; default 100, the pitch of Visium.

    Raises
    ------
    OptionError
        The squares are too small, or the package pyarrow is not installed.
    SpotsNotFound
        The folder has neither transcripts nor cells with a matrix.
    SpotsError, CountsError
        A file is damaged; the message names it and the field.
    """
    size = PITCH_UM if bin_um is None else bin_um
    if not _FINEST_UM <= size < np.inf:
        raise OptionError(f"The bin size is {size:g} µm; it must be at least {_FINEST_UM:g} µm.")
    tally = _tally_molecules(path, size) if (path / _MOLECULES).is_file() else _cells(path, size)
    if not len(tally.counts):
        raise SpotsError(f"No transcript has a quality of at least {_QUALITY}. Folder: '{path}'.")
    places, square = np.unique(tally.squares, axis=0, return_inverse=True)
    alignment = _alignment(path)
    to_pixels = (alignment or _Alignment(np.eye(3))).to_slide(_pixel_um(path))
    centres = np.column_stack([(places + 0.5) * size, np.ones(len(places))])
    pixels = float(np.sqrt(abs(np.linalg.det(to_pixels[:2, :2]))))  # a micrometre
    counts = sparse.csr_matrix(
        (tally.counts, (square.ravel(), tally.genes)), shape=(len(places), len(tally.names))
    )
    with named(path):
        table = spot_table(
            (centres @ to_pixels.T)[:, :2],
            diameter_px=DIAMETER_OVER_PITCH * size * pixels,
            ids=[f"{x}x{y}" for x, y in places],
            counts=counts,
            genes=tally.names,
            library=path.absolute().name or "xenium",
        )
    table.obs[["array_col", "array_row"]] = places
    add_notes(table, () if alignment else (_UNALIGNED,))
    what = "transcripts" if (path / _MOLECULES).is_file() else "cells"
    return with_source(
        table,
        Source(
            f"Xenium {what} in squares of {size:g} µm",
            pitch_um=size,
            mpp=1 / pixels,
            beyond_slide=True,
        ),
    )


def _tally_molecules(folder: Path, size: float) -> _Tally:
    path = folder / _MOLECULES
    parts: list[pd.DataFrame] = []
    codes: dict[str, int] = {}
    for batch in iter_parquet(path, ["feature_name", "x_location", "y_location", "qv"]):
        xy, quality = (
            batch[columns].apply(pd.to_numeric, errors="coerce").to_numpy(float)
            for columns in (["x_location", "y_location"], ["qv"])
        )
        names = batch["feature_name"].map(_text).astype("category")
        known = names.cat.categories
        control = np.array([name.startswith(_CONTROLS) for name in known], dtype=bool)
        kept = (quality[:, 0] >= _QUALITY) & ~control[names.cat.codes]
        squares = _squares(xy[kept], size, f"x_location and y_location in '{path}'")
        gene = np.array([codes.setdefault(name, len(codes)) for name in known], dtype=np.int64)
        parts.append(_summed(squares, gene[names.cat.codes[kept]], np.ones(kept.sum())))
    return _joined(parts, list(codes))


def _cells(folder: Path, size: float) -> _Tally:
    path, matrix_file = folder / _CELLS, find_matrix(folder)
    if matrix_file is None:
        raise SpotsNotFound(
            f"The folder has neither {_MOLECULES} nor cell_feature_matrix.h5. Folder: '{folder}'."
        )
    cells = read_parquet(path, ["cell_id", "x_centroid", "y_centroid"])
    matrix = read_matrix(matrix_file)
    row = pd.Index(cells["cell_id"].map(_text)).get_indexer(matrix.barcodes)
    if (row < 0).any():
        raise SpotsError(
            f"{int((row < 0).sum())} of the {len(row)} cells of '{matrix_file.name}' are "
            f"missing, for example {matrix.barcodes[row < 0][0]}. File: '{path}'."
        )
    places = cells[["x_centroid", "y_centroid"]].apply(pd.to_numeric, errors="coerce")
    squares = _squares(places.to_numpy(float)[row], size, f"x_centroid and y_centroid in '{path}'")
    entries = matrix.counts.tocoo()
    return _joined(
        [_summed(squares[entries.row], entries.col.astype(np.int64), entries.data)],
        list(matrix.var.index),
    )


def _squares(xy: NDArray[np.float64], size: float, where: str) -> NDArray[np.int64]:
    if not np.isfinite(xy).all() or (abs(xy) / size > _MOST_CODES).any():
        raise SpotsError(f"Coordinates must be numbers in micrometres: {where}.")
    return np.floor(xy / size).astype(np.int64)


def _summed(
    squares: NDArray[np.int64], genes: NDArray[np.int64], counts: NDArray[np.float64]
) -> pd.DataFrame:
    frame = pd.DataFrame({"x": squares[:, 0], "y": squares[:, 1], "gene": genes, "n": counts})
    return _totals(frame)


def _totals(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.groupby(["x", "y", "gene"], as_index=False, sort=False).agg({"n": "sum"})


def _joined(parts: list[pd.DataFrame], names: list[str]) -> _Tally:
    """All parts; genes without molecules of quality stay, as measured zeros."""
    whole = _totals(pd.concat(parts, ignore_index=True))
    genes = whole["gene"].to_numpy(np.int64)
    kept = [code for code, name in enumerate(names) if not name.startswith(_CONTROLS)]
    place = np.full(len(names), -1)
    place[kept] = np.arange(len(kept))
    return _Tally(
        whole[["x", "y"]].to_numpy(np.int64),
        place[genes],
        whole["n"].to_numpy(np.float32),
        [names[code] for code in kept],
    )


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


@dataclass(frozen=True, slots=True)
class _Alignment:
    """(3, 3) from pixels of the H&E image to pixels of the morphology image."""

    matrix: NDArray[np.float64]

    def to_slide(self, pixel_um: float) -> NDArray[np.float64]:
        """(3, 3) from micrometres to pixels of the H&E image."""
        scale = np.diag([1 / pixel_um, 1 / pixel_um, 1.0])
        return np.asarray(np.linalg.inv(self.matrix) @ scale, dtype=np.float64)


def _alignment(folder: Path) -> _Alignment | None:
    found = sorted(folder.glob("*imagealignment.csv"))
    if not found:
        return None
    if len(found) > 1:
        raise SpotsError(
            f"The folder has several alignments ({a_few(p.name for p in found)}). Keep the "
            f"one of the H&E image. Folder: '{folder}'."
        )
    try:
        matrix = pd.read_csv(found[0], header=None).to_numpy(float)
    except UNREADABLE as error:
        raise SpotsError(
            f"The file could not be read as an alignment: {one_line(error)}. File: '{found[0]}'."
        ) from error
    if matrix.shape != (3, 3) or not np.isfinite(matrix).all():
        raise SpotsError(f"The alignment must be a 3 x 3 matrix of numbers. File: '{found[0]}'.")
    if abs(np.linalg.det(matrix)) < 1e-9:
        raise SpotsError(
            f"The alignment maps the image onto a line. Align the images again. File: '{found[0]}'."
        )
    return _Alignment(matrix)


def _pixel_um(folder: Path) -> float:
    manifest = folder / _MANIFEST
    stated = read_json(manifest).get("pixel_size", _PIXEL_UM) if manifest.is_file() else _PIXEL_UM
    if not isinstance(stated, int | float) or not 0 < stated < np.inf:
        raise SpotsError(
            f"pixel_size is {stated!r}; it must be a positive number in micrometres. File: "
            f"'{manifest}'."
        )
    return float(stated)
