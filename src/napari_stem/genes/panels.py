"""Which genes to predict: chosen from the training slides or listed by the user."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import scanpy as sc
from anndata import AnnData
from scipy import sparse

from napari_stem.errors import PanelError
from napari_stem.genes.names import FoundGenes, check_panel, find_genes, why_missing
from napari_stem.spots.table import check_counts
from napari_stem.text import a_few, counted, one_line

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Mitochondrial and ribosomal genes by their symbols' prefix, human and mouse. "MT-" with its
# hyphen: "MT" alone would drop MTOR, MT2A and MT1X. RPS6K… are kinases, RPS19BP1 binds one.
_HOUSEKEEPING = re.compile(r"^(mt-|rp[sl](?!\d+(k|bp))(\d|p\d|a))", re.IGNORECASE)
_SIGNIFICANT = 0.05
_MOST_REGIONS = 50
_ROWS = 4096  # spots whose counts are summed at a time


def hmhvg(tables: Sequence[AnnData], n: int, *, measured_by: Sequence[AnnData] = ()) -> list[str]:
    """Genes of high mean and high variance (HMHVG; paper, section 4.1).

    The union over slides of the 2,000 most variable genes (scanpy, on log-normalised counts),
    without mitochondrial and ribosomal ones, is ranked twice over the pooled raw counts, by mean
    and by standard deviation; the panel is the intersection of the two top-k lists at the
    smallest k that holds `n` genes, by falling mean.

    Parameters
    ----------
    measured_by
        Further tables that must have the genes, whose counts are not looked at.

    Raises
    ------
    PanelError
        The slides share fewer than `n` such genes.
    """
    genes = _variable_genes(tables, n, measured_by)
    mean, std = _mean_and_std(tables, genes)
    return [genes[i] for i in _top_in_both(mean, std, n)]


def hvg(tables: Sequence[AnnData], n: int, *, measured_by: Sequence[AnnData] = ()) -> list[str]:
    """The highest expressed of the highly variable genes (HVG).

    As `hmhvg`, ranked by the mean of the pooled raw counts alone.
    """
    genes = _variable_genes(tables, n, measured_by)
    mean, _ = _mean_and_std(tables, genes)
    return [genes[i] for i in np.argsort(-mean, kind="stable")[:n]]


def deg(
    tables: Sequence[AnnData], column: str, n: int, *, measured_by: Sequence[AnnData] = ()
) -> list[str]:
    """Genes that are expressed more in one annotated region than in the others (DEG).

    Spots of all slides are pooled and log-normalised; each region of `obs[column]` gives its `n`
    best genes by scanpy's ``rank_genes_groups`` (Wilcoxon), as far as they are higher there at an
    adjusted p below 0.05. Mitochondrial and ribosomal genes are left out; spots without a region
    and regions of a single spot are ignored. The panel is the union of the regions' genes.

    Raises
    ------
    PanelError
        No slide has the column, fewer than two regions have spots, or no gene differs.
    """
    shared = [
        gene for gene in _shared_genes([*tables, *measured_by]) if not _HOUSEKEEPING.match(gene)
    ]
    pooled = _annotated(tables, column, shared)
    sc.pp.normalize_total(pooled)
    sc.pp.log1p(pooled)
    sc.tl.rank_genes_groups(pooled, column, method="wilcoxon", n_genes=min(n, len(shared)))
    ranked = sc.get.rank_genes_groups_df(pooled, group=None)
    marks = ranked[(ranked["scores"] > 0) & (ranked["pvals_adj"] < _SIGNIFICANT)]
    panel = list(dict.fromkeys(marks["names"]))
    if not panel:
        raise PanelError(
            f"No gene differs between the regions of '{column}' (adjusted p below "
            f"{_SIGNIFICANT}). Choose another column or another way to select genes."
        )
    return panel


def region_columns(tables: Sequence[AnnData]) -> dict[str, int]:
    """Columns of `obs` that could name regions, and how many regions each has.

    A region has at least two spots; there are 2 to 50 of them.
    """
    found: dict[str, pd.Series] = {}
    for table in tables:
        for column in table.obs:
            values = table.obs[column]
            if not pd.api.types.is_float_dtype(values):
                earlier = found.get(column)
                found[column] = values if earlier is None else pd.concat([earlier, values])
    sizes = {column: _region_sizes(values) for column, values in found.items()}
    return {column: len(n) for column, n in sizes.items() if 2 <= len(n) <= _MOST_REGIONS}


def _region_sizes(values: pd.Series) -> pd.Series:
    sizes: pd.Series = values.dropna().astype(str).value_counts()
    return sizes[sizes > 1]


def _annotated(tables: Sequence[AnnData], column: str, genes: Sequence[str]) -> AnnData:
    """Pooled raw counts of the spots in regions of at least two spots."""
    known = [table for table in tables if column in table.obs]
    if not known:
        there = ", ".join(region_columns(tables)) or "none"
        raise PanelError(
            f"No section has regions in a column '{column}'. Columns with regions: {there}."
        )
    regions = pd.concat([table.obs[column].astype(object) for table in known], ignore_index=True)
    sizes = _region_sizes(regions)
    if len(sizes) < 2:
        raise PanelError(
            f"Column '{column}' has {counted(len(sizes), 'region')} with at least two "
            "spots; two regions are needed."
        )
    for table in known:
        check_counts(table)
    matrix = sparse.vstack([sparse.csr_matrix(table[:, list(genes)].X) for table in known])
    pooled = AnnData(matrix.astype(np.float32), var=pd.DataFrame(index=pd.Index(genes)))
    texts = regions.where(regions.isna(), regions.astype(str))
    pooled.obs[column] = pd.Categorical(texts, categories=sorted(sizes.index))
    return pooled[pooled.obs[column].notna().to_numpy()].copy()


def _variable_genes(tables: Sequence[AnnData], n: int, measured_by: Sequence[AnnData]) -> list[str]:
    """Highly variable genes of any slide that all have, sorted; refused if fewer than `n`."""
    shared = set(_shared_genes([*tables, *measured_by]))
    variable: set[str] = set()
    for table in tables:
        check_counts(table)
        variable.update(_highly_variable(table))
    genes = sorted(gene for gene in variable & shared if not _HOUSEKEEPING.match(gene))
    if not 1 <= n <= len(genes):
        raise PanelError(
            f"{n} genes were requested, but the sections share only "
            f"{counted(len(genes), 'highly variable gene')}. Choose fewer genes or give a "
            f"gene list.{_other_names(tables) if not shared else ''}"
        )
    return genes


def _other_names(tables: Sequence[AnnData]) -> str:
    examples = a_few(dict.fromkeys(table.var_names[0] for table in tables if table.n_vars))
    return f" They name genes in different ways, for example: {examples}."


def _shared_genes(tables: Sequence[AnnData]) -> list[str]:
    shared = set(tables[0].var_names).intersection(*(table.var_names for table in tables[1:]))
    return sorted(shared)


def _mean_and_std(
    tables: Sequence[AnnData], genes: Sequence[str]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of the pooled raw counts, gene by gene, from sums: slides together are too large dense."""
    spots = sum(table.n_obs for table in tables)
    total, squares = np.zeros(len(genes)), np.zeros(len(genes))
    for table in tables:
        columns = table.var_names.get_indexer(genes)
        for start in range(0, table.n_obs, _ROWS):
            block = sparse.csr_array(table.X[start : start + _ROWS], dtype=np.float64)
            total += block.sum(axis=0)[columns]
            squares += block.power(2).sum(axis=0)[columns]
    variance = (spots * squares - total**2) / spots**2  # its terms are exact for whole numbers
    return total / spots, np.sqrt(np.maximum(variance, 0))


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
        raise PanelError(
            f"The gene list could not be read: {one_line(error)}. File: '{path}'."
        ) from error
    texts = (line.split("#")[0].strip() for line in lines)
    fields = (re.split(r"[,;\t]", text)[0].strip().strip('"').strip() for text in texts)
    panel = [gene for gene in fields if gene]
    if not panel:
        raise PanelError(f"The gene list is empty. Write one gene symbol per line. File: '{path}'.")
    twice = sorted(gene for gene, times in Counter(panel).items() if times > 1)
    if twice:
        raise PanelError(f"The gene list has {a_few(twice)} more than once. File: '{path}'.")
    return panel


def genes_of_all(panel: Sequence[str], tables: Iterable[AnnData]) -> tuple[str, ...]:
    """The genes of a panel that every table measured."""
    lacking = {gene for table in tables for gene in find_genes(panel, table.var).missing}
    return tuple(gene for gene in panel if gene not in lacking)


def measured_genes(panel: Sequence[str], var: pd.DataFrame, where: str) -> FoundGenes:
    """Where a table measured all genes of a panel, by symbol, Ensembl id or old symbol.

    Raises
    ------
    PanelError
        It lacks some; the message names them.
    """
    found = find_genes(panel, var)
    if found.missing:
        check_panel(panel, found.columns, where, why=why_missing(found.missing, var))
    return found
