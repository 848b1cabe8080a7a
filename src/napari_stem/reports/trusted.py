"""The parts of a report that say which genes to believe, and what to distrust."""

from __future__ import annotations

import html
from collections.abc import Iterable

import pandas as pd

from napari_stem.checkpoints.gene_trust import CLASSES, MEANING
from napari_stem.text import a_few, counted, printable

_NAMED = 12
_HEADINGS = ("Trust", "Genes", "What a map is good for", "Best first")
_BASIS = (
    "By the correlation with measured counts on held-out tissue, its noise ceiling, and whether "
    "the image tells more than the gene's mean."
)
_UNKNOWN = (
    "How far a gene can be believed is not known: no tissue was held out when the checkpoint was "
    "trained."
)
_OPTIMISTIC = (
    "Held-out tissue resembles the training tissue more than another patient's or another "
    "laboratory's does. Expect less there."
)


def genes_table(known: pd.DataFrame) -> pd.DataFrame:
    """What is known of genes, whatever a file says: "pcc" and "coverage" as numbers, "trust".

    Parameters
    ----------
    known
        A prediction's `var`, or as `checkpoints.gene_trust.held_out_table`.
    """
    nothing = pd.Series(index=known.index, dtype=object)
    numbers = {
        name: pd.to_numeric(known.get(f"held_out_{name}", nothing), errors="coerce")
        for name in ("pcc", "coverage")
    }
    return pd.DataFrame(numbers).assign(trust=known.get("trust", nothing).astype(object))


def trust_part(genes: pd.DataFrame) -> list[str]:
    """Pieces of HTML: the genes of each class, the best first.

    Parameters
    ----------
    genes
        As `genes_table`.
    """
    if not genes["trust"].isin(CLASSES).any():
        return [f"<p>{_UNKNOWN}</p>"]
    ordered = genes.sort_values("pcc", ascending=False, kind="stable")["trust"]
    rows = "".join(
        _row(trust, list(ordered.index[ordered == trust]), len(genes))
        for trust in reversed(CLASSES)
    )
    head = "".join(f"<th>{text}</th>" for text in _HEADINGS)
    return [f"<table class=trust><tr>{head}</tr>{rows}</table>", f"<p class=sub>{_BASIS}</p>"]


def doubts_of_genes(genes: pd.DataFrame) -> list[str]:
    """What to distrust of genes and intervals, as display texts.

    Parameters
    ----------
    genes
        As `genes_table`.
    """
    if not genes["trust"].isin(CLASSES).any():
        return [_UNKNOWN]
    found = []
    if untold := list(genes.index[genes["trust"] == CLASSES[0]]):
        found.append(
            f"The image does not tell {counted(len(untold), 'gene')}: {a_few(untold, most=_NAMED)}."
        )
    covered = genes["coverage"].mean()
    if pd.notna(covered):
        found.append(
            f"Intervals of 90 % held {100 * covered:.0f} % of the values measured on held-out "
            "tissue."
        )
    return [*found, _OPTIMISTIC]


def listed(texts: Iterable[str]) -> str:
    """Display texts as a list of HTML."""
    items = (f"<li>{html.escape(printable(text))}</li>" for text in texts)
    return f"<ul>{''.join(items)}</ul>"


def _row(trust: str, genes: list[str], total: int) -> str:
    names = html.escape(printable(a_few(genes, most=_NAMED))) or "-"
    if len(genes) > _NAMED:
        every = html.escape(printable(", ".join(genes)))
        names = f"<details><summary>{names}</summary>{every}</details>"
    share = f"{len(genes):,} <small>of {total:,}</small>"
    return (
        f"<tr class={trust}><td><b>{trust}</b></td><td>{share}</td><td>{MEANING[trust]}</td>"
        f"<td>{names}</td></tr>"
    )
