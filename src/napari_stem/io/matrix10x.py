"""Count matrices as 10x Genomics' programs write them: one HDF5 file, or a Matrix Market folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import pandas as pd
from scipy import sparse

from napari_stem.errors import CountsError, SpotsError
from napari_stem.genes.names import IDS, SYMBOLS, unique_names
from napari_stem.io.bounded import UNREADABLE, check_hdf5, check_size, opened_text
from napari_stem.text import a_few, one_line, repeated

if TYPE_CHECKING:
    from numpy.typing import NDArray

_EXPRESSION = "Gene Expression"
_HEADER = "%%MatrixMarket matrix coordinate"
_LEAST_BYTES = 5  # of an entry's line


@dataclass(frozen=True, slots=True)
class Matrix:
    """Raw counts of barcodes (spots, bins, cells) by genes.

    Attributes
    ----------
    counts
        (b, g).
    var
        g rows named by symbols, with "gene_ids" and "gene_name"; other kinds of features, such
        as antibodies, are left out.
    """

    counts: sparse.csr_matrix
    barcodes: pd.Index
    var: pd.DataFrame


def find_matrix(folder: Path) -> Path | None:
    """The matrix of a folder: filtered rather than raw, HDF5 rather than Matrix Market.

    Downloads carry the sample's name before that of the matrix.

    Raises
    ------
    CountsError
        There are several of the kind.
    """
    for kind in ("filtered_feature_bc_matrix", "raw_feature_bc_matrix", "cell_feature_matrix"):
        for pattern in (f"*{kind}.h5", f"*{kind}"):
            found = sorted(p for p in folder.glob(pattern) if p.suffix == ".h5" or p.is_dir())
            if len(found) > 1:
                raise CountsError(
                    "The folder has several count matrices "
                    f"({a_few(p.name for p in found)}). Keep the one that belongs to these "
                    f"spots. Folder: '{folder}'."
                )
            if found:
                return found[0]
    return None


def is_matrix(path: Path) -> bool:
    """Whether a path is a count matrix itself, without places of its barcodes."""
    if path.is_dir():
        return any((path / f"matrix.mtx{packed}").is_file() for packed in ("", ".gz"))
    try:
        with h5py.File(path) as file:
            return "matrix/barcodes" in file
    except OSError:
        return False


def read_matrix(path: Path) -> Matrix:
    """Read a .h5 file or a folder of matrix.mtx, features.tsv and barcodes.tsv, packed or not.

    Raises
    ------
    CountsError
        A part is missing or damaged, or the parts do not belong together; the message names
        file and field.
    """
    counts, barcodes, features = _read_mtx(path) if path.is_dir() else _read_h5(path)
    if counts.shape != (len(barcodes), len(features)):
        raise CountsError(
            f"The matrix has {counts.shape[0]} barcodes by {counts.shape[1]} features, but "
            f"the file names {len(barcodes)} barcodes and {len(features)} features. File: "
            f"'{path}'."
        )
    if not barcodes.is_unique:
        raise CountsError(f"Barcodes occur more than once: {repeated(barcodes)}. File: '{path}'.")
    genes = (features["kind"].str.casefold() == _EXPRESSION.casefold()).to_numpy()
    if not genes.any():
        raise CountsError(f"The matrix has no feature of the type '{_EXPRESSION}'. File: '{path}'.")
    kept = features[genes]
    var = pd.DataFrame(
        {IDS: kept["id"].to_numpy(), SYMBOLS: kept["name"].to_numpy()},
        index=unique_names(kept["name"]),
    )
    return Matrix(counts if genes.all() else counts[:, genes], barcodes, var)


def _read_h5(path: Path) -> tuple[sparse.csr_matrix, pd.Index, pd.DataFrame]:
    try:
        with h5py.File(path) as file:
            check_hdf5(file, path)
            group = file["matrix"]
            data, indices, indptr, shape = (
                np.asarray(group[name][:]) for name in ("data", "indices", "indptr", "shape")
            )
            barcodes = pd.Index(_texts(group["barcodes"]), dtype=str)
            names = {"id": "id", "name": "name", "kind": "feature_type"}
            features = pd.DataFrame({to: _texts(group["features"][of]) for to, of in names.items()})
        return _checked_csr(data, indices, indptr, shape, path), barcodes, features
    except SpotsError:
        raise
    except UNREADABLE as error:
        reason = one_line(error)
        raise CountsError(
            f"The file could not be read as a 10x matrix of version 3 or later: {reason}. "
            f"Download it again, or export it with a current Space Ranger. File: '{path}'."
        ) from error


def _texts(dataset: Any) -> list[str]:
    return [text.decode("utf-8") if isinstance(text, bytes) else str(text) for text in dataset[:]]


def _checked_csr(
    data: NDArray[Any], indices: NDArray[Any], indptr: NDArray[Any], shape: NDArray[Any], path: Path
) -> sparse.csr_matrix:
    """Spots by genes; scipy would read wild memory where damaged indices point."""
    n_genes, n_barcodes = (int(side) for side in shape.ravel())
    sound = (
        all(part.ndim == 1 for part in (data, indices, indptr))
        and all(part.dtype.kind in "iu" for part in (indices, indptr))
        and data.dtype.kind in "iuf"
        and len(indptr) == n_barcodes + 1
        and len(data) == len(indices)
        and int(indptr[0]) == 0
        and int(indptr[-1]) == len(data)
        and bool((indptr[1:] >= indptr[:-1]).all())
        and (not len(indices) or (int(indices.min()) >= 0 and int(indices.max()) < n_genes))
    )
    if not sound:
        raise CountsError(
            "data, indices, indptr and shape of the matrix contradict each other: the "
            f"file is damaged. Get it again from its source. File: '{path}'."
        )
    wide = np.int64 if len(data) > np.iinfo(np.int32).max else np.int32
    return sparse.csr_matrix(
        (data.astype(np.float32), indices.astype(wide), indptr.astype(wide)),
        shape=(n_barcodes, n_genes),
    )


def _read_mtx(folder: Path) -> tuple[sparse.csr_matrix, pd.Index, pd.DataFrame]:
    matrix, barcodes, features = (
        _member(folder, *names)
        for names in (("matrix.mtx",), ("barcodes.tsv",), ("features.tsv", "genes.tsv"))
    )
    names = _read_table(features)
    if names.shape[1] < 2:
        raise CountsError(f"Each line needs an id and a name. File: '{features}'.")
    kinds = names[2] if names.shape[1] > 2 else _EXPRESSION
    counts = _read_coordinates(matrix)
    return (
        counts,
        pd.Index(_read_table(barcodes)[0], dtype=str),
        pd.DataFrame({"id": names[0], "name": names[1], "kind": kinds}),
    )


def _member(folder: Path, *names: str) -> Path:
    for name in names:
        for path in (folder / f"{name}.gz", folder / name):
            if path.is_file():
                return path
    raise CountsError(f"The folder has neither {names[0]} nor {names[0]}.gz. Folder: '{folder}'.")


def _read_table(path: Path) -> pd.DataFrame:
    try:
        with opened_text(path) as file:
            return pd.read_csv(file, sep="\t", header=None, dtype=str, keep_default_na=False)
    except SpotsError:
        raise
    except UNREADABLE as error:
        raise CountsError(
            f"The file could not be read as a table: {one_line(error)}. File: '{path}'."
        ) from error


def _read_coordinates(path: Path) -> sparse.csr_matrix:
    """Barcodes by genes; the file has genes by barcodes."""
    try:
        with opened_text(path) as file:
            first = file.readline()
            if not first.startswith(_HEADER) or "general" not in first or "pattern" in first:
                raise CountsError(
                    f"A Matrix Market file must begin with '{_HEADER} integer general'. File: "
                    f"'{path}'."
                )
            line = file.readline()
            while line.startswith("%"):
                line = file.readline()
            n_genes, n_barcodes, n = (int(number) for number in line.split())
            if min(n_genes, n_barcodes, n) < 0 or max(n_genes, n_barcodes) > np.iinfo(np.int32).max:
                raise CountsError(f"A matrix of size {line.strip()} is impossible. File: '{path}'.")
            check_size(n * _LEAST_BYTES, path.stat().st_size, f"'{path}'")
            check_size(n_barcodes * 8, path.stat().st_size, f"'{path}'")
            entries = (
                pd.read_csv(file, sep=r"\s+", header=None, dtype=np.float64).to_numpy()
                if n
                else np.empty((0, 3))
            )
    except SpotsError:
        raise
    except UNREADABLE as error:
        raise CountsError(
            f"The file could not be read as a Matrix Market file: {one_line(error)}. File: "
            f"'{path}'."
        ) from error
    if entries.shape != (n, 3):
        raise CountsError(f"The file declares {n} counts but has {len(entries)}. File: '{path}'.")
    row, column = entries[:, 0] - 1, entries[:, 1] - 1
    inside = (row >= 0) & (row < n_genes) & (column >= 0) & (column < n_barcodes)
    if not inside.all():
        raise CountsError(
            f"Count {int(np.flatnonzero(~inside)[0]) + 1} lies outside the matrix of "
            f"{n_genes} by {n_barcodes}. File: '{path}'."
        )
    return sparse.csr_matrix(
        (entries[:, 2].astype(np.float32), (column.astype(np.int32), row.astype(np.int32))),
        shape=(n_barcodes, n_genes),
    )
