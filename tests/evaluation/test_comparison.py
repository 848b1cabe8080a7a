"""Comparisons: intervals, verdicts, tables of genes, and the mean over sections."""

from __future__ import annotations

import numpy as np
import pytest

from napari_stem.evaluation.comparison import Comparison, pooled
from napari_stem.evaluation.drawn import ArrayDraws
from napari_stem.evaluation.metrics import METRICS
from napari_stem.evaluation.scoring import Judge

GENES = ("A", "B", "C", "D")


def compared(seed: int, n: int, genes: tuple[str, ...] = GENES) -> Comparison:
    """A model with half the noise of its baseline."""
    random = np.random.default_rng(seed)
    truth = random.normal(size=(n, len(genes))).astype(np.float32)
    truth[:, 0] = 1
    judge = Judge(truth, random.uniform(size=(n, 2)), samples=50)
    noise = random.normal(size=(6, n, len(genes)))
    methods = {
        "Stem": judge.judge(ArrayDraws(truth + 0.5 * noise)),
        "ridge": judge.judge(ArrayDraws(truth + noise)),
        "twin": judge.judge(ArrayDraws(truth + 0.5 * noise[::-1])),
        "mean": judge.judge(ArrayDraws(truth.mean(axis=0) + noise)),
    }
    ceiling = np.linspace(0.1, 0.9, len(genes))
    return Comparison(genes, methods, ceiling, np.ones(len(genes)), n)


def test_a_better_model_is_told_from_its_baseline_and_not_from_its_twin():
    comparison = compared(0, 120)
    for name in ("mae", "mse", "fair_crps", "energy"):
        assert comparison.verdict("ridge", METRICS[name]) == 1
        assert comparison.verdict("twin", METRICS[name]) == 0
        low, high = comparison.differences("ridge")[name]
        assert low < high < 0
        low, high = comparison.intervals("Stem")[name]
        assert low < comparison.scores["Stem"][name] < high


def test_a_worse_model_is_told_and_coverage_is_judged_by_its_distance_to_the_level():
    comparison = compared(0, 120)
    turned = Comparison(
        GENES,
        {"Stem": comparison.methods["ridge"], "ridge": comparison.methods["Stem"]},
        comparison.ceiling,
        comparison.detection_rate,
        120,
    )
    assert turned.verdict("ridge", METRICS["mae"]) == -1
    own, other = (comparison.scores[name]["coverage_50"] for name in ("Stem", "ridge"))
    verdict = comparison.verdict("ridge", METRICS["coverage_50"])
    assert verdict in (0, 1 if abs(own - 0.5) < abs(other - 0.5) else -1)


def test_a_gene_without_variation_has_no_correlation_of_its_own():
    comparison = compared(0, 40)
    assert set(comparison.gene_pcc) == {"B", "C", "D"}
    table = comparison.by_gene().set_index(["method", "gene"])
    assert np.isnan(table.loc[("Stem", "A"), "pcc"])
    assert table.loc[("ridge", "B"), "ceiling"] == comparison.ceiling[1]
    trust = comparison.held_out()["trust"]
    assert all(table.loc[name, "trust"].equals(trust) for name in ("Stem", "ridge"))
    mean = table.loc["ridge", "mae"].mean()
    assert mean == pytest.approx(comparison.scores["ridge"]["mae"])


def test_the_ceiling_beside_pcc_k_is_that_of_the_same_genes():
    comparison = compared(0, 40)
    pcc = comparison.methods["Stem"].genes["pcc"]
    order = sorted([1, 2, 3], key=lambda gene: -pcc[gene])
    assert comparison.ceilings["pcc_10"] == pytest.approx(comparison.ceiling[order].mean())
    many = compared(0, 40, tuple(map(str, range(60))))
    best = np.argsort(-many.methods["Stem"].genes["pcc"][1:])[:10] + 1  # the first is constant
    assert many.ceilings["pcc_10"] == pytest.approx(many.ceiling[best].mean())
    assert many.ceilings["pcc_all"] == pytest.approx(many.ceiling[1:].mean())


def test_sections_are_pooled_by_their_spots():
    one, other = compared(0, 40), compared(1, 120, ("B", "C", "E"))
    every = pooled([one, other])
    assert every.n_spots == 160
    assert every.genes == ("A", "B", "C", "D", "E")
    for name in METRICS:
        expected = 0.25 * one.scores["ridge"][name] + 0.75 * other.scores["ridge"][name]
        assert every.scores["ridge"][name] == pytest.approx(expected)
    b, d = every.genes.index("B"), every.genes.index("D")
    mae = every.methods["Stem"].genes["mae"]
    parts = [each.methods["Stem"].genes["mae"] for each in (one, other)]
    assert mae[b] == pytest.approx(0.25 * parts[0][1] + 0.75 * parts[1][0])
    assert mae[d] == pytest.approx(parts[0][3])
    assert every.methods["Stem"].pit.sum() == pytest.approx(1)
    narrow, wide = (np.ptp(each.intervals("Stem")["mae"]) for each in (every, one))
    assert narrow < wide


def test_one_section_pooled_is_itself():
    one = compared(0, 40)
    every = pooled([one])
    assert every.scores == {name: pytest.approx(s) for name, s in one.scores.items()}
    assert every.gene_pcc == pytest.approx(one.gene_pcc)
