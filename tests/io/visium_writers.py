"""Folders as Space Ranger writes them, with a small array of spots or bins."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
from scipy import sparse
from scipy.io import mmwrite

COLUMNS = [
    "barcode", "in_tissue", "array_row", "array_col", "pxl_row_in_fullres", "pxl_col_in_fullres",
]  # fmt: skip
GENES = pd.DataFrame(
    {
        "id": ["ENSG1", "ENSG2", "ENSG3", "CD3_TotalC"],
        "name": ["FASN", "TBCE", "TBCE", "CD3"],
        "kind": ["Gene Expression"] * 3 + ["Antibody Capture"],
    }
)
PITCH = 40


def places(n_rows: int = 4, n_columns: int = 5) -> pd.DataFrame:
    """A small hexagonal array, of which the first spot lies beside the tissue."""
    row, column = (a.ravel() for a in np.mgrid[:n_rows, :n_columns])
    array_col = 2 * column + row % 2
    rows = zip(
        [f"ACGT{i:04}-1" for i in range(len(row))],
        (np.arange(len(row)) > 0).astype(int),
        row,
        array_col,
        30 + np.round(PITCH * np.sqrt(3) / 2 * row).astype(int),
        30 + PITCH // 2 * array_col,
        strict=True,
    )
    return pd.DataFrame(rows, columns=COLUMNS)


def counts(n: int) -> sparse.csr_matrix:
    values = np.random.default_rng(0).poisson(1.0, (n, len(GENES)))
    return sparse.csr_matrix(values.astype(np.int32))


def write_h5(path: Path, matrix: sparse.csr_matrix, barcodes: list[str]) -> None:
    with h5py.File(path, "w") as file:
        group = file.create_group("matrix")
        group["data"], group["indices"] = matrix.data, matrix.indices
        group["indptr"], group["shape"] = matrix.indptr, np.array(matrix.shape[::-1])
        group["barcodes"] = np.array(barcodes, dtype="S")
        for name, column in (("id", "id"), ("name", "name"), ("feature_type", "kind")):
            group[f"features/{name}"] = np.array(GENES[column], dtype="S")


def write_mtx(folder: Path, matrix: sparse.csr_matrix, barcodes: list[str]) -> None:
    folder.mkdir()
    mmwrite(folder / "matrix.mtx", matrix.T.tocoo())
    pd.Series(barcodes).to_csv(folder / "barcodes.tsv", header=False, index=False)
    GENES.to_csv(folder / "features.tsv", sep="\t", header=False, index=False)
    for path in list(folder.iterdir()):
        with gzip.open(f"{path}.gz", "wb") as packed:
            packed.write(path.read_bytes())
        path.unlink()


def write_run(
    outs: Path,
    *,
    version: int = 2,
    kind: str = "filtered",
    form: Callable[[Path, sparse.csr_matrix, list[str]], None] = write_h5,
    scale: dict[str, float] | None = None,
) -> sparse.csr_matrix:
    spatial = outs / "spatial"
    spatial.mkdir(parents=True)
    table = places()
    if version == 1:
        table.to_csv(spatial / "tissue_positions_list.csv", index=False, header=False)
    else:
        table.to_csv(spatial / "tissue_positions.csv", index=False)
    factors = {"spot_diameter_fullres": 26.0, "tissue_hires_scalef": 0.5} | (scale or {})
    (spatial / "scalefactors_json.json").write_text(json.dumps(factors))
    matrix = counts(len(table))
    kept = table["in_tissue"].to_numpy() == 1 if kind == "filtered" else np.full(len(table), True)
    suffix = ".h5" if form is write_h5 else ""
    form(outs / f"{kind}_feature_bc_matrix{suffix}", matrix[kept], list(table["barcode"][kept]))
    return matrix


def write_hd(root: Path, *sizes: int) -> None:
    for size in sizes:
        folder = root / "binned_outputs" / f"square_{size:03}um"
        write_run(
            folder,
            scale={"bin_size_um": size, "microns_per_pixel": 0.27, "tissue_hires_scalef": 0.1},
        )
        row, column = (a.ravel() for a in np.mgrid[:4, :5])
        table = places().assign(
            array_row=row,
            array_col=column,
            pxl_row_in_fullres=20 + size / 0.27 * row,
            pxl_col_in_fullres=20 + size / 0.27 * column,
        )
        table.to_parquet(folder / "spatial" / "tissue_positions.parquet")
        (folder / "spatial" / "tissue_positions.csv").unlink()
