"""A model beside its baselines: scores, intervals, paired differences and genes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from napari_stem.checkpoints.gene_trust import held_out_table
from napari_stem.evaluation.groups import interval
from napari_stem.evaluation.metrics import CEILING, Metric, Scores
from napari_stem.evaluation.scoring import Judged

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Float = NDArray[np.float64]

MODEL = "Stem"
UNSEEING = "mean"  # the baseline that sees no image
_RANKS = {"pcc_10": 10, "pcc_50": 50, "pcc_all": None}  # how many genes a metric is the mean of


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """What methods are worth on the same spots.

    Attributes
    ----------
    genes
        (c,) that were compared.
    methods
        The model, then the baselines.
    ceiling
        (c,) the correlation that the noise of the counts allows (`ceiling.noise_ceiling`).
    detection_rate
        (c,) share of spots that counted a gene.
    n_spots
        That were compared.
    """

    genes: tuple[str, ...]
    methods: Mapping[str, Judged]
    ceiling: Float
    detection_rate: Float
    n_spots: int

    @property
    def scores(self) -> Mapping[str, Scores]:
        """Metrics by method."""
        return {name: judged.scores for name, judged in self.methods.items()}

    @property
    def gene_pcc(self) -> Mapping[str, float]:
        """The model's correlation of each gene that varies among the spots."""
        found = zip(self.genes, self.methods[MODEL].genes["pcc"].tolist(), strict=True)
        return {gene: pcc for gene, pcc in found if not np.isnan(pcc)}

    def held_out(self) -> pd.DataFrame:
        """What a prediction tells of its genes where this is of held-out tissue (`gene_trust`)."""
        model, baselines = self.methods[MODEL].genes, [*self.methods]
        baselines.remove(MODEL)
        found = np.array([self.methods[name].genes["pcc"] for name in baselines])
        usual = self.methods[UNSEEING].genes["fair_crps"]
        return held_out_table(
            self.genes,
            pcc=model["pcc"],
            ceiling=self.ceiling,
            baseline=np.fmax.reduce(found),
            gain=1 - model["fair_crps"] / np.where(usual > 0, usual, np.nan),
            coverage=model["coverage_90"],
        )

    @property
    def ceilings(self) -> Mapping[str, float]:
        """Mean noise ceiling of the genes that are in each PCC of the model, by metric."""
        pcc = self.methods[MODEL].genes["pcc"]
        best = np.argsort(-np.nan_to_num(pcc, nan=-np.inf), kind="stable")
        known = self.ceiling[best[: int(np.isfinite(pcc).sum())]]
        return {name: float(known[:k].mean()) if len(known) else 0.0 for name, k in _RANKS.items()}

    def intervals(self, method: str) -> Mapping[str, tuple[float, float]]:
        """95 % bootstrap intervals of each metric of a method."""
        judged = self.methods[method]
        return {name: interval(judged.scores[name], s) for name, s in judged.samples.items()}

    def differences(self, baseline: str) -> Mapping[str, tuple[float, float]]:
        """95 % bootstrap intervals of the model minus a baseline on the same spots, by metric."""
        model, other = self.methods[MODEL], self.methods[baseline]
        return {
            name: interval(model.scores[name] - other.scores[name], s - other.samples[name])
            for name, s in model.samples.items()
        }

    def verdict(self, baseline: str, metric: Metric) -> Literal[-1, 0, 1]:
        """Whether the model is better (1) or worse (-1) than a baseline by its 95 % interval."""
        model, other = self.methods[MODEL], self.methods[baseline]
        loss, name = metric.loss, metric.name
        low, high = interval(
            loss(model.scores[name]) - loss(other.scores[name]),
            loss(model.samples[name]) - loss(other.samples[name]),
        )
        return 1 if high < 0 else -1 if low > 0 else 0

    def by_gene(self) -> pd.DataFrame:
        """A row a gene and method: what is known of the gene, and its metrics by the method."""
        trust = self.held_out()["trust"].to_numpy()
        tables = [
            pd.DataFrame(
                {
                    "gene": self.genes,
                    "method": name,
                    "detection_rate": self.detection_rate,
                    "ceiling": self.ceiling,
                    "trust": trust,
                    **judged.genes,
                }
            )
            for name, judged in self.methods.items()
        ]
        return pd.concat(tables, ignore_index=True)


def pooled(comparisons: Sequence[Comparison]) -> Comparison:
    """One comparison of several sections: the mean of their metrics, weighted by spots.

    Correlations stay within sections: over all spots at once, they would reward a method for the
    differences between sections. Of a gene, over the sections that know it.
    """
    spots = np.array([each.n_spots for each in comparisons], dtype=np.float64)
    genes = tuple(dict.fromkeys(gene for each in comparisons for gene in each.genes))

    def of_genes(values: Iterable[Float]) -> Float:
        known = zip(values, comparisons, strict=True)
        table = [pd.Series(value, list(each.genes)).reindex(genes) for value, each in known]
        return _mean(np.array(table, dtype=np.float64), spots)

    def judged(parts: Sequence[Judged]) -> Judged:
        first = parts[0]
        return Judged(
            n_draws=first.n_draws,
            scores={m: float(_mean([p.scores[m] for p in parts], spots)) for m in first.scores},
            samples={m: _mean([p.samples[m] for p in parts], spots) for m in first.samples},
            genes={m: of_genes([p.genes[m] for p in parts]) for m in first.genes},
            pit=_mean([p.pit for p in parts], spots),
        )

    return Comparison(
        genes,
        {m: judged([c.methods[m] for c in comparisons]) for m in comparisons[0].methods},
        of_genes([each.ceiling for each in comparisons]),
        of_genes([each.detection_rate for each in comparisons]),
        int(spots.sum()),
    )


def limits_in_words(comparison: Comparison) -> str:
    """What the counts allow: what ceilings are, and how often genes were counted."""
    detected = float(np.median(comparison.detection_rate))
    return (
        f"{CEILING} Half of the genes were counted in at least {100 * detected:.0f} % of the spots."
    )


def _mean(values: ArrayLike, weights: Float) -> Float:
    """Over the first axis; NaN left out, and NaN where all are."""
    values = np.asarray(values, dtype=np.float64)
    known = ~np.isnan(values)
    share = np.tensordot(weights, known, axes=1)
    total = np.tensordot(weights, np.where(known, values, 0), axes=1)
    return np.where(share > 0, total / np.where(share > 0, share, 1), np.nan)
