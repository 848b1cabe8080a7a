"""Names of genes: symbols, Ensembl ids, old symbols, and which columns of a table they mean.

A panel's gene is looked for, in this order, among the table's symbols, the names of its rows of
`var`, its Ensembl ids (whatever their version), and its other symbols, which
`with_other_symbols` adds from a table that the user has; none is shipped. Where none of these has
it, genome prefixes (GRCh38_EPCAM) and R's names (HLA.B) are looked through. Upper and lower case
differ: EPCAM is a gene of humans, Epcam of mice, and neither stands for the other.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from anndata.utils import make_index_unique

from napari_stem.errors import PanelError
from napari_stem.text import a_few, one_line

if TYPE_CHECKING:
    from anndata import AnnData
    from numpy.typing import NDArray

SYMBOLS, IDS, OTHERS = "gene_name", "gene_ids", "other_symbols"
_SYMBOL_COLUMNS = (
    SYMBOLS, "gene_names", "gene_symbol", "gene_symbols", "symbol", "symbols", "feature_name",
    "hgnc_symbol", "mgi_symbol",
)  # fmt: skip
_ID_COLUMNS = (IDS, "gene_id", "ensembl_id", "ensembl", "feature_id", "ensembl_gene_id")
_ENSEMBL = re.compile(r"(ENS[A-Z]{0,6}G\d{11})(\.\d+)?")
_GENOME = re.compile(r"^(GRC[a-z]\d+|hg\d{2}|mm\d{1,2}|rn\d|dm\d)(_+|-)")
_DATE = re.compile(
    r"\d{1,2}-(Mar|Sep|Sept|Dec|Oct)|(Mar|Sep|Sept|Dec|Oct)-\d{1,2}"
    r"|\d{4}-\d{2}-\d{2}( [\d:.]+)?|\d{1,2}/\d{1,2}/\d{2,4}", re.IGNORECASE,
)  # fmt: skip
_OLD_COLUMNS = ("prev_symbol", "alias_symbol")  # of HGNC's complete set


@dataclass(frozen=True, slots=True)
class FoundGenes:
    """Where a table measured the genes of a panel.

    Attributes
    ----------
    columns
        (m,) columns of each gene found, in the panel's order. Several are loci of one symbol:
        their counts are summed.
    missing
        Genes of the panel that the table lacks.
    """

    columns: Mapping[str, NDArray[np.intp]]
    missing: tuple[str, ...]


def find_genes(panel: Sequence[str], var: pd.DataFrame) -> FoundGenes:
    """Look for genes among the rows of a table's `var`."""
    lookups = [_rows(names) for names in _namings(var)]
    r_names = _rows(_r_names(var))
    columns, missing = {}, []
    for gene in panel:
        key = ensembl_id(gene) or gene
        rows = next((lookup[key] for lookup in lookups if key in lookup), r_names.get(_in_r(key)))
        if rows is None:
            missing.append(gene)
        else:
            columns[gene] = np.array(rows, dtype=np.intp)
    return FoundGenes(columns, tuple(missing))


def ensembl_id(name: str) -> str | None:
    """An Ensembl gene id without its version; None for other names."""
    found = _ENSEMBL.fullmatch(name)
    return found[1] if found else None


def without_genome(name: str) -> str:
    """A name without the genome that references of several species put before it."""
    return _GENOME.sub("", name)


def why_missing(missing: Sequence[str], var: pd.DataFrame) -> str:
    """A possible reason why genes are missing, as display text; "" if none is known."""
    names = [str(name) for name in var.index]
    if any(map(ensembl_id, names)) and not any(map(ensembl_id, missing)):
        return (
            "The table names genes by Ensembl id and has no column of symbols. Add "
            f"var['{SYMBOLS}']."
        )
    several = _in_several_genomes(var)
    if mixed := [gene for gene in missing if gene in several]:
        return (
            f"The table has {mixed[0]} in several genomes ({a_few(several[mixed[0]])}). Name the "
            "genes of the panel with their genome."
        )
    if dates := [name for name in names if _DATE.fullmatch(name)]:
        return (
            f"The table has {a_few(dates, most=3)}: a spreadsheet turned names such as MARCH1, "
            "SEPT2 or DEC1 into dates. Use the table as it was before."
        )
    folded = {name.casefold(): name for name in names}
    other_case = [(gene, folded[gene.casefold()]) for gene in missing if gene.casefold() in folded]
    if 2 * len(other_case) > len(missing):
        mine, theirs = other_case[0]
        return (
            f"The table has {theirs} instead of {mine}. Human symbols are in upper case, "
            "mouse symbols are not: check the species."
        )
    return ""


def named_by_symbol(table: AnnData) -> AnnData:
    """The table with its genes named by symbols, if it has them, and every name once.

    Ensembl ids move to `var["gene_ids"]`. A symbol that comes twice gets "-1", "-2", … from its
    second column on; `var["gene_name"]` keeps the symbol, so that panels find all of them.
    """
    var = table.var
    names = pd.Index(var.index.astype(str))
    symbols = _column(var, _SYMBOL_COLUMNS)
    by_id = any(map(ensembl_id, names))
    if names.is_unique and not (by_id and symbols is not None):
        return table
    if by_id and symbols is not None:
        if _column(var, _ID_COLUMNS) is None:
            var[IDS] = names.to_numpy()
        known = [symbol or name for symbol, name in zip(symbols, names, strict=True)]
        names = pd.Index(known, dtype=str)
    if not names.is_unique:
        var[SYMBOLS] = names.to_numpy()
    table.var_names = unique_names(names)
    return table


def unique_names(names: Iterable[str]) -> pd.Index:
    """Names of which each comes once; later ones get "-1", "-2", …."""
    unique: pd.Index = make_index_unique(pd.Index(list(names), dtype=str))
    return unique


def read_other_symbols(path: str | Path) -> dict[str, set[str]]:
    """Old and alternative symbols by the current one, of a table of names that the user has.

    Parameters
    ----------
    path
        HGNC's "complete set" (columns symbol, prev_symbol, alias_symbol), or any table whose
        first two columns are an old and a current symbol.

    Raises
    ------
    PanelError
        The table cannot be read, or has one column.
    """
    try:
        with Path(path).open(encoding="utf-8-sig") as file:
            separator = "\t" if "\t" in file.readline() else ","
        table = pd.read_csv(path, sep=separator, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise PanelError(
            f"The table of gene symbols could not be read: {one_line(error)}. File: '{path}'."
        ) from error
    if "symbol" in table and set(_OLD_COLUMNS) & set(table):
        old = [table[column] for column in _OLD_COLUMNS if column in table]
        pairs = [
            (name, current)
            for column in old
            for names, current in zip(column, table["symbol"], strict=True)
            for name in re.split(r"[|,]\s*", names.strip('"'))
        ]
    elif table.shape[1] > 1:
        pairs = list(zip(table.iloc[:, 0], table.iloc[:, 1], strict=True))
    else:
        raise PanelError(f"Each line needs an old and a current symbol. File: '{path}'.")
    targets, others = defaultdict(set), defaultdict(set)
    for name, current in pairs:
        targets[name].add(current)
    for name, current in pairs:
        if name and len(targets[name]) == 1:  # an old name of two genes says neither
            others[current].add(name)
    return dict(others)


def with_other_symbols(table: AnnData, others: Mapping[str, set[str]]) -> AnnData:
    """The table with `var["other_symbols"]`, which panels look into last.

    Parameters
    ----------
    others
        Of `read_other_symbols`.
    """
    current = {name: symbol for symbol, names in others.items() for name in names}
    known = _column(table.var, _SYMBOL_COLUMNS)
    symbols = list(table.var_names) if known is None else known

    def names(symbol: str) -> str:
        newest = symbol if symbol in others else current.get(symbol, symbol)
        return "|".join(sorted({newest, *others.get(newest, ())} - {symbol}))

    table.var[OTHERS] = [names(symbol) for symbol in symbols]
    return table


def _namings(var: pd.DataFrame) -> list[list[list[str]]]:
    """Names of each row, by the kinds of names there are, the surest first."""
    index = [[str(name).strip()] for name in var.index]
    mixed = set(_in_several_genomes(var))
    bare = [without_genome(name) for (name,) in index]
    plain = [["" if name in mixed else name] for name in bare]
    symbols, ids = _column(var, _SYMBOL_COLUMNS), _column(var, _ID_COLUMNS)
    bare_ids = list(map(without_genome, ids or ()))
    others = _column(var, (OTHERS,))
    return [
        *([[[name] for name in symbols]] if symbols is not None else []),
        index,
        plain,
        *([[[without_genome(name)] for name in symbols]] if symbols is not None else []),
        [[ensembl_id(name) or ""] for (name,) in plain],
        *([[[ensembl_id(name) or name] for name in bare_ids]] if ids is not None else []),
        *([[name.split("|") for name in others]] if others is not None else []),
    ]


def _in_several_genomes(var: pd.DataFrame) -> dict[str, list[str]]:
    """Names that references of several species have in common, and how each writes them."""
    found = defaultdict(list)
    for name in map(str, var.index):
        if _GENOME.match(name):
            found[without_genome(name)].append(name)
    return {
        name: full
        for name, full in found.items()
        if len({_GENOME.match(each)[1] for each in full}) > 1  # type: ignore[index]
    }


def _r_names(var: pd.DataFrame) -> list[list[str]]:
    """Names of rows that R may have made of others, by its rules for column names."""
    names = [without_genome(str(name)) for name in var.index]
    return [[name] if "." in name and _in_r(name) == name else [] for name in names]


def _in_r(name: str) -> str:
    """A name as R writes it when it becomes a column: HLA.B for HLA-B."""
    return re.sub(r"[^A-Za-z0-9_.]", ".", name)


def _rows(names: list[list[str]]) -> dict[str, list[int]]:
    rows = defaultdict(list)
    for row, known in enumerate(names):
        for name in known:
            if name:
                rows[name].append(row)
    return dict(rows)


def _column(var: pd.DataFrame, names: Sequence[str]) -> list[str] | None:
    """The first of these columns that there is, whatever its case, as texts."""
    columns = {str(column).casefold(): column for column in reversed(var.columns)}
    found = next((columns[name] for name in names if name in columns), None)
    if found is None:
        return None
    values = var[found].astype(object)
    return [str(value).strip() for value in values.where(values.notna(), "")]


def check_panel(panel: Sequence[str], genes: Collection[str], where: str, *, why: str = "") -> None:
    """Raise a `PanelError` that names the genes of `panel` which `genes` lacks, and why."""
    present = set(genes)
    missing = [gene for gene in panel if gene not in present]
    if missing:
        raise PanelError(
            f"Genes are missing in {where}: {a_few(missing)} ({len(missing)} of "
            f"{len(panel)}). "
            f"{why or 'Remove them from the panel, or use sections that measured them.'}"
        )
