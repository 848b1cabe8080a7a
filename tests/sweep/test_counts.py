"""Sweep: counts and names of genes, as kinds of matrices and conventions of programs vary."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from numpy.typing import NDArray
from scipy import sparse

from napari_stem.genes.counts import panel_counts, transform_counts
from napari_stem.genes.panels import genes_of_all, hvg, read_panel
from napari_stem.io import read_spots
from napari_stem.io.matrix10x import read_matrix
from napari_stem.spots.notes import notes_of
from napari_stem.spots.table import has_counts, spot_table

from ..io.visium_writers import counts as visium_counts
from ..io.visium_writers import write_mtx
from .rows import Row, check_refusal, check_told, rows

GENES = ["EPCAM", "HLA-B", "MARCH1", "ACTB"]
IDS = [f"ENSG{number:011}" for number in (119888, 234745, 145416, 75624)]
PANEL = ["ACTB", "EPCAM"]
# Mostly single molecules, as sparse arrays have them, and some more; no row is a multiple.
COUNTS = np.random.default_rng(4).poisson(0.7, (40, 4)) + np.eye(4, dtype=int)[np.arange(40) % 4]
RIGHT = COUNTS[:, [3, 0]]
Made = Callable[[Path], tuple[NDArray[np.float64], tuple[str, ...]]]


def table(matrix: object = COUNTS, genes: list[str] = GENES) -> AnnData:
    xy = np.random.default_rng(1).uniform(0, 900, (len(COUNTS), 2))
    return spot_table(xy, diameter_px=55, counts=np.zeros(COUNTS.shape), genes=genes)


def measured(
    matrix: object = None,
    genes: list[str] = GENES,
    panel: list[str] = PANEL,
    change: Callable[[AnnData], None] = lambda spots: None,
) -> Made:
    """Counts of a panel in a table that was written as .h5ad and read again, and its notes."""

    def make(folder: Path) -> tuple[NDArray[np.float64], tuple[str, ...]]:
        spots = table(genes=genes)
        spots.X = COUNTS.astype(np.float32) if matrix is None else matrix
        change(spots)
        spots.write_h5ad(folder / "x.h5ad")
        found = read_spots(folder / "x.h5ad")
        return panel_counts(found, panel, "x"), notes_of(found)

    return make


def column(name: str, values: list[object]) -> Callable[[AnnData], None]:
    def change(spots: AnnData) -> None:
        spots.var[name] = values

    return change


def layer(name: str, values: object) -> Callable[[AnnData], None]:
    def change(spots: AnnData) -> None:
        spots.layers[name] = values

    return change


def with_zeros(values: NDArray[np.float64]) -> sparse.csr_matrix:
    """Zeros are stored, too, as filtering and integration leave them."""
    shape = np.indices(values.shape).reshape(2, -1)
    matrix = sparse.csr_matrix((values.size, 1))
    matrix = sparse.csr_matrix((np.ones(values.size), shape), shape=values.shape)
    matrix.data = values.ravel().astype(np.float32)
    return matrix


def per_10k(values: NDArray[np.float64]) -> NDArray[np.float32]:
    return (values / np.maximum(values.sum(1, keepdims=True), 1) * 1e4).astype(np.float32)


def unsorted(values: NDArray[np.float64]) -> sparse.csr_matrix:
    """Each count in two entries, as concatenated reads leave them."""
    row, column = np.nonzero(values)
    row, column = np.tile(row, 2)[::-1], np.tile(column, 2)[::-1]
    indptr = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=len(values)))])
    order = np.argsort(row, kind="stable")
    half = values[row, column] / 2
    return sparse.csr_matrix((half[order], column[order], indptr), shape=values.shape)


def at(value: float) -> NDArray[np.float32]:
    matrix = COUNTS.astype(np.float32)
    matrix[3, 1] = value
    return matrix


def legacy(folder: Path) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """A table of counts with a gene in two columns."""
    spots = pd.DataFrame({"x": np.arange(40) % 8, "y": np.arange(40) // 8})
    spots = spots.assign(pixel_x=100 * spots["x"] + 50, pixel_y=100 * spots["y"] + 50)
    spots.to_csv(folder / "spots.tsv", sep="\t", index=False)
    names = [f"{x}x{y}" for x, y in zip(spots["x"], spots["y"], strict=True)]
    counts = pd.DataFrame(COUNTS, index=names, columns=["EPCAM", "ACTB", "MARCH1", "ACTB"])
    counts.to_csv(folder / "counts.tsv", sep="\t")
    return panel_counts(read_spots(folder), PANEL, "x"), ()


def mtx(
    edit: Callable[[str], str],
) -> Made:
    """Space Ranger's folder of text, with another table of features."""

    def make(folder: Path) -> tuple[NDArray[np.float64], tuple[str, ...]]:
        write_mtx(folder / "m", visium_counts(5), [f"b{i}" for i in range(5)])
        features = folder / "m" / "features.tsv.gz"
        text = edit(gzip.decompress(features.read_bytes()).decode())
        features.write_bytes(gzip.compress(text.encode()))
        found = read_matrix(folder / "m")
        at_x = AnnData(found.counts, var=found.var)
        return panel_counts(at_x, ["FASN", "TBCE"], "x"), ()

    return make


ALL = visium_counts(5).toarray()
VISIUM = np.c_[ALL[:, 0], ALL[:, 1] + ALL[:, 2]]
LOG2 = np.log2(COUNTS + 1.0).astype(np.float32)
LOG1P = np.log1p(per_10k(COUNTS))
NOT_RAW = "no raw counts|not whole numbers"
TABLE = [
    # Kinds of matrices.
    *(
        Row(f"{kind} of {dtype}", measured(make(COUNTS.astype(dtype))), RIGHT)
        for kind, make in (
            ("array", np.asarray), ("CSR", sparse.csr_matrix), ("CSC", sparse.csc_matrix),
        )
        for dtype in ("uint8", "int64", "float32")
    ),
    Row("booleans", measured(COUNTS > 0), RIGHT > 0),
    Row("half precision", measured(COUNTS.astype(np.float16)), RIGHT),
    Row("stored zeros", measured(with_zeros(COUNTS)), RIGHT),
    Row("counts in two entries each", measured(unsorted(COUNTS)), RIGHT),
    # Values that are no raw counts.
    Row("log1p per 10,000", measured(LOG1P), refused=NOT_RAW),
    Row("log1p per 10,000 with stored zeros", measured(with_zeros(LOG1P)), refused=NOT_RAW),
    Row("log2 of sparse counts", measured(LOG2), refused=NOT_RAW),
    Row("square roots of sparse counts", measured(np.sqrt(COUNTS)), refused=NOT_RAW),
    Row("centred values", measured(COUNTS - COUNTS.mean(0)), refused="not negative|finite"),
    Row("log2, with the counts in a layer", measured(LOG2, change=layer("counts", COUNTS)), RIGHT,
        told=r"layers\['counts'\]"),
    Row("log1p, with log1p in the layer", measured(LOG1P, change=layer("counts", LOG1P)),
        refused=NOT_RAW),
    Row("NaN", measured(at(np.nan)), refused="HLA-B in spot spot_3 is nan"),
    Row("infinite", measured(at(np.inf)), refused="HLA-B in spot spot_3 is inf"),
    Row("negative", measured(at(-1)), refused="HLA-B in spot spot_3 is -1"),
    Row("a few fractions of a correction", measured(at(0.5)), RIGHT),
    # Names of genes.
    Row("ids of two versions", measured(genes=[f"{x}.{i}" for i, x in enumerate(IDS)],
        panel=[f"{IDS[3]}.7", IDS[0]]), RIGHT),
    Row("ids, and symbols in a column", measured(genes=IDS, change=column("feature_name", GENES)),
        RIGHT),
    Row("ids alone", measured(genes=IDS), refused="Ensembl id"),
    Row("a gene in two columns", measured(genes=["EPCAM", "ACTB", "MARCH1", "ACTB"]),
        np.c_[COUNTS[:, 1] + COUNTS[:, 3], COUNTS[:, 0]]),
    Row("a genome before each name", measured(genes=[f"GRCh38_{gene}" for gene in GENES]), RIGHT),
    Row("one name in two genomes", measured(
        genes=["mm10___Epcam", "rn6____Actb", "mm10___Actb", "rn6____Epcam"],
        panel=["Actb", "Epcam"]), refused="several genomes"),
    Row("the genome that the panel names", measured(
        genes=["mm10___Epcam", "rn6____Actb", "mm10___Actb", "rn6____Epcam"],
        panel=["rn6____Actb", "mm10___Epcam"]), COUNTS[:, [1, 0]]),
    Row("blanks around names", measured(genes=[f" {gene} " for gene in GENES]), RIGHT),
    Row("names in R's way", measured(genes=["EPCAM", "HLA.B", "MARCH1", "ACTB"],
        panel=["HLA-B", "ACTB"]), COUNTS[:, [1, 3]]),
    Row("dates instead of names", measured(genes=["EPCAM", "HLA-B", "1-Mar", "ACTB"],
        panel=["MARCH1"]), refused="1-Mar"),
    Row("dates with a year", measured(genes=["EPCAM", "HLA-B", "2024-03-01 00:00:00", "ACTB"],
        panel=["MARCH1"]), refused="2024-03-01"),
    Row("a mouse's names", measured(genes=["Epcam", "H2-K1", "Marchf1", "Actb"]),
        refused="check the species"),
    Row("a column of symbols that lacks some", measured(genes=IDS,
        change=column("gene_name", ["EPCAM", None, "", "ACTB"])), RIGHT),
    Row("numbers as names", measured(genes=["0", "1", "2", "3"]), refused="missing in x"),
    # Files of other programs.
    Row("a legacy table with a gene in two columns", legacy, refused="Genes occur more than once"),
    Row("features as delivered", mtx(lambda text: text), VISIUM),
    Row("features in Windows' lines", mtx(lambda text: text.replace("\n", "\r\n")), VISIUM),
    Row("features one line short", mtx(lambda text: text.split("\n", 1)[1]), refused="features"),
    Row("features that name the kind otherwise", mtx(
        lambda text: text.replace("Gene Expression", "gene expression")), VISIUM),
]  # fmt: skip


@rows(TABLE)
def test_counts_are_those_that_were_made_or_are_refused(row: Row, tmp_path: Path):
    if row.refused:
        check_refusal(row, lambda: row.make(tmp_path))
        return
    counts, notes = row.make(tmp_path)
    np.testing.assert_array_equal(counts, row.right)
    check_told(row, notes)


@pytest.mark.parametrize(
    ("kind", "dtype"),
    [
        *((np.asarray, dtype) for dtype in ("uint8", "int16", "float16", "float32")),
        *((sparse.csr_matrix, dtype) for dtype in ("uint8", "int16", "float32")),
    ],
)
def test_depths_beyond_the_type_of_the_counts(kind: Callable[..., object], dtype: str):
    counts = np.full((3, 700), 120)
    spots = spot_table(np.eye(3, 2), diameter_px=1, counts=kind(counts.astype(dtype)),
                       genes=[f"G{i}" for i in range(700)])  # fmt: skip
    found = transform_counts(spots, ["G0"], "log1p_cp10k")
    np.testing.assert_allclose(found, np.log1p(1e4 / 700), rtol=1e-5)


def test_sections_of_other_orders_and_versions_share_a_panel():
    one = table(genes=[f"{x}.1" for x in IDS])
    two = table(genes=[f"{x}.2" for x in IDS[::-1]])
    assert genes_of_all(IDS, [one, two]) == tuple(IDS)


@pytest.mark.parametrize("form", ["GRCh38_{}", "{}.2", "gene {}"])
def test_sections_that_name_genes_in_other_ways_share_no_chosen_panel(form: str):
    names = IDS if form == "{}.2" else GENES
    tables = [table(genes=list(names)), table(genes=[form.format(name) for name in names])]
    for spots in tables:
        spots.X = (COUNTS * [1, 9, 3, 5]).astype(np.float32)
    row = Row("", table, refused=f"different ways.*{names[0]}, {form.format(names[0])}")
    check_refusal(row, lambda: hvg(tables, 2))


def test_a_table_without_a_matrix_says_so(tmp_path: Path):
    spots = table()
    spots.X = None
    spots.write_h5ad(tmp_path / "x.h5ad")
    found = read_spots(tmp_path / "x.h5ad")
    assert not has_counts(found)
    assert any("X is empty" in note for note in notes_of(found))


PANELS = [
    Row("a mark of its encoding", "\ufeffEPCAM\nACTB\n".encode(), ["EPCAM", "ACTB"]),
    Row("Windows' lines and a comment", b"EPCAM\r\nACTB # actin\r\n\r\n", ["EPCAM", "ACTB"]),
    Row("more columns", b"EPCAM,3\nACTB,4\n", ["EPCAM", "ACTB"]),
    Row("blanks and quotes", b' "EPCAM" \n\tACTB\n', ["EPCAM", "ACTB"]),
    Row("UTF-16, as Excel writes text", "EPCAM\nACTB\n".encode("utf-16"), refused="gene list"),
    Row("a gene twice", b"EPCAM\nACTB\nEPCAM\n", refused="more than once"),
    Row("nothing", b"\n# none\n", refused="empty"),
]  # fmt: skip


@rows(PANELS)
def test_panels_are_read_as_written_or_are_refused(row: Row, tmp_path: Path):
    path = tmp_path / "panel.txt"
    path.write_bytes(row.make)
    if row.refused:
        check_refusal(row, lambda: read_panel(path))
        return
    assert read_panel(path) == row.right
