"""How far the prediction of each gene can be believed, by what held-out tissue showed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Float = NDArray[np.float64]

CLASSES = ("none", "low", "medium", "high")
MEANING = {
    "high": "the map shows where the gene is higher and lower",
    "medium": "the map shows the coarse pattern of the gene",
    "low": "the map is right more often than chance, no more",
    "none": "the image does not tell this gene; do not use its map",
}
# Columns of a prediction's `var`, and where a checkpoint's description holds them.
COLUMNS = {
    "held_out_pcc": "gene_pcc",
    "held_out_ceiling": "gene_ceiling",
    "held_out_baseline": "gene_baseline",
    "held_out_gain": "gene_gain",
    "held_out_coverage": "gene_coverage",
}
_LEAST = {"low": 0.1, "medium": 0.3, "high": 0.5}  # PCC
_LEAST_SHARE = {"medium": 0.5, "high": 0.7}  # of the noise ceiling
_BEHIND = 0.1  # PCC below the best baseline that costs a class


def held_out_table(
    genes: Sequence[str],
    *,
    pcc: Float,
    ceiling: Float,
    baseline: Float,
    gain: Float,
    coverage: Float,
) -> pd.DataFrame:
    """What held-out tissue showed of each gene, with its class of trust.

    Parameters
    ----------
    pcc
        (c,) correlation of predicted and measured values across spots; NaN where the gene does
        not vary.
    ceiling
        (c,) the correlation that the noise of the counts allows.
    baseline
        (c,) correlation of the best baseline.
    gain
        (c,) by which share the fair CRPS of the draws is lower than that of the gene's mean, which
        sees no image.
    coverage
        (c,) share of measured values within the central 90 % of the draws.

    Returns
    -------
    A row a gene, the `COLUMNS`, and "trust".
    """
    values = (pcc, ceiling, baseline, gain, coverage)
    table = pd.DataFrame(dict(zip(COLUMNS, values, strict=True)), index=list(genes))
    return table.assign(trust=trust_classes(table))


def trust_classes(table: pd.DataFrame) -> list[str]:
    """The class of each gene, of `CLASSES`; "" where held-out tissue showed nothing.

    See docs/metrics.md.
    """
    pcc, ceiling, baseline, gain = (table[name].to_numpy(float) for name in [*COLUMNS][:4])
    share = pcc / np.maximum(ceiling, np.finfo(float).tiny)
    rank = np.zeros(len(table), dtype=int)
    for level, name in enumerate(CLASSES[1:], start=1):
        rank[(pcc >= _LEAST[name]) & (share >= _LEAST_SHARE.get(name, 0))] = level
    rank[(rank > 1) & (baseline - pcc > _BEHIND)] -= 1
    rank[gain <= 0] = 0
    known = np.isfinite(pcc) & np.isfinite(gain)
    return [CLASSES[level] if there else "" for level, there in zip(rank, known, strict=True)]


def trust_in_words(classes: Iterable[str]) -> str:
    """How many genes are of which class, the most trusted first, as display text."""
    number = Counter(classes)
    return ", ".join(f"{number[name]:,} {name}" for name in reversed(CLASSES))


def trust_levels(classes: Iterable[str]) -> list[float]:
    """Places of classes in `CLASSES`; NaN for "" and for what is none of them."""
    return [CLASSES.index(name) if name in CLASSES else float("nan") for name in classes]


def as_description(table: pd.DataFrame) -> dict[str, dict[str, float]]:
    """The entries of a checkpoint's description; what is not known of a gene is left out."""
    return {
        entry: {str(gene): float(value) for gene, value in table[name].dropna().items()}
        for name, entry in COLUMNS.items()
    }


def from_description(about: Mapping[str, Any], panel: Sequence[str]) -> pd.DataFrame:
    """What a checkpoint knows of the genes of its panel; older ones know less, or nothing.

    Returns
    -------
    A row a gene; those of `COLUMNS` that are known, and "trust" if all are.
    """
    known = {
        name: pd.Series(about[entry], dtype=float).reindex(list(panel))
        for name, entry in COLUMNS.items()
        if about.get(entry)
    }
    table = pd.DataFrame(known, index=list(panel))
    whole = len(known) == len(COLUMNS)
    return table.assign(trust=trust_classes(table)) if whole else table
