"""Which genes to predict: chosen from the training slides or listed by the user."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import scanpy as sc
from anndata import AnnData

from napari_stem.errors import PanelError
from napari_stem.spots import check_counts

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Mitochondrial and ribosomal genes by their symbols' prefix, human and mouse. "MT-" with its
# hyphen: "MT" alone would drop MTOR, MT2A and MT1X.
_HOUSEKEEPING = re.compile(r"^(mt-|rp[sl]\d)", re.IGNORECASE)
_NAMED_AT_MOST = 8


def hmhvg(tables: Sequence[AnnData], n: int) -> list[str]:
    """Genes of high mean and high variance (HMHVG; paper, section 4.1).

    The union over slides of the 2,000 most variable genes (scanpy, on log-normalised counts),
    without mitochondrial and ribosomal ones, is ranked twice over the pooled raw counts, by mean
    and by standard deviation; the panel is the intersection of the two top-k lists at the
    smallest k that holds `n` genes.

    Parameters
    ----------
    tables
        Spot tables with raw counts, one a slide.

    Returns
    -------
    `n` symbols by falling mean.

    Raises
    ------
    PanelError
        The slides share fewer than `n` such genes.
    """
    shared = set(tables[0].var_names).intersection(*(table.var_names for table in tables[1:]))
    variable: set[str] = set()
    for table in tables:
        check_counts(table)
        variable.update(_highly_variable(table))
    genes = sorted(gene for gene in variable & shared if not _HOUSEKEEPING.match(gene))
    if not 1 <= n <= len(genes):
        raise PanelError(
            f"a panel of {n} genes was asked for; the slides share {len(genes)} highly variable "
            "genes. Ask for fewer genes or give a gene list."
        )
    pooled = np.concatenate([_dense(table[:, genes].X) for table in tables])
    return [genes[i] for i in _top_in_both(pooled.mean(axis=0), pooled.std(axis=0), n)]


def _highly_variable(table: AnnData) -> list[str]:
    counts = AnnData(table.X.copy(), var=pd.DataFrame(index=table.var_names))
    sc.pp.filter_genes(counts, min_cells=1)
    sc.pp.normalize_total(counts)
    sc.pp.log1p(counts)
    sc.pp.highly_variable_genes(counts, n_top_genes=min(2000, counts.n_vars))
    return list(counts.var_names[counts.var["highly_variable"]])


def _top_in_both(mean: NDArray[np.float64], std: NDArray[np.float64], n: int) -> NDArray[np.intp]:
    """Indices of the `n` genes that enter both top-k lists first, by falling mean."""
    worse_rank = np.maximum(_rank(mean), _rank(std))
    chosen = np.lexsort((-mean, worse_rank))[:n]
    return chosen[np.argsort(-mean[chosen], kind="stable")]


def _rank(values: NDArray[np.float64]) -> NDArray[np.intp]:
    ranks = np.empty(len(values), dtype=np.intp)
    ranks[np.argsort(-values, kind="stable")] = np.arange(len(values))
    return ranks


def _dense(matrix: object) -> NDArray[np.float64]:
    return np.asarray(matrix.toarray() if hasattr(matrix, "toarray") else matrix, dtype=np.float64)


def read_panel(path: str | Path) -> list[str]:
    """Genes of a text or CSV file: the first column, one gene a line, '#' begins a comment.

    Raises
    ------
    PanelError
        The file is missing, empty, or names a gene twice.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise PanelError(f"'{path}' is no readable gene list: {error}.") from error
    fields = (re.split(r"[,;\t]", line.split("#")[0])[0].strip().strip('"') for line in lines)
    panel = [gene for gene in fields if gene]
    if not panel:
        raise PanelError(f"'{path}' names no gene. Write one gene symbol a line.")
    twice = sorted({gene for gene in panel if panel.count(gene) > 1})
    if twice:
        raise PanelError(f"'{path}' names {_some(twice)} more than once.")
    return panel


def check_panel(panel: Sequence[str], genes: Collection[str], where: str, *, why: str = "") -> None:
    """Raise a `PanelError` that names the genes of `panel` which `genes` lacks, and why."""
    present = set(genes)
    missing = [gene for gene in panel if gene not in present]
    if missing:
        raise PanelError(
            f"{where}: {len(missing)} of the panel's {len(panel)} genes are missing "
            f"({_some(missing)}). "
            f"{why or 'Remove them from the panel or use slides that measured them.'}"
        )


def _some(names: Sequence[str]) -> str:
    more = len(names) - _NAMED_AT_MOST
    return ", ".join(names[:_NAMED_AT_MOST]) + (f" and {more} more" if more > 0 else "")
