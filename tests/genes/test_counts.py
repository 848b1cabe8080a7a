"""Counts become the values that the recipe names."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scanpy as sc
from anndata import AnnData
from scipy import sparse

from napari_stem.defaults import CountTransform
from napari_stem.errors import CountsError, OptionError, PanelError, SpotsError
from napari_stem.genes.counts import transform_counts
from napari_stem.spots.table import spot_table

COUNTS = np.array([[0, 3, 7], [1, 0, 0], [0, 0, 0]], dtype=np.float32)
GENES = ["A", "B", "C"]


def spots(counts: np.ndarray | None = COUNTS) -> AnnData:
    xy = np.array([[0, 0], [100, 0], [0, 100]], dtype=float)
    matrix = None if counts is None else sparse.csr_matrix(counts)
    return spot_table(xy, diameter_px=50, counts=matrix, genes=None if counts is None else GENES)


def test_log2_takes_raw_counts_in_the_order_of_the_panel():
    values = transform_counts(spots(), ["C", "A"], "log2")
    np.testing.assert_array_equal(values, np.log2([[8, 1], [1, 2], [1, 1]]).astype(np.float32))


def test_log1p_cp10k_equals_scanpy_on_all_genes():
    expected = AnnData(COUNTS[:2].copy(), var=pd.DataFrame(index=GENES))
    sc.pp.normalize_total(expected, target_sum=1e4)
    sc.pp.log1p(expected)
    values = transform_counts(spots(), ["C", "A"], "log1p_cp10k")
    np.testing.assert_allclose(values[:2], expected[:, ["C", "A"]].X, rtol=1e-6)


@pytest.mark.parametrize("transform", ["log2", "log1p_cp10k"])
def test_a_spot_without_counts_is_zero(transform: CountTransform):
    assert not transform_counts(spots(), GENES, transform)[2].any()


@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf])
def test_impossible_counts_are_refused(bad: float):
    counts = COUNTS.copy()
    counts[0, 1] = bad
    with pytest.raises(CountsError):
        transform_counts(spots(counts), GENES, "log2")


def test_normalised_values_are_no_counts_and_a_few_fractions_are():
    with pytest.raises(CountsError, match="3 of 3 values are not whole numbers"):
        transform_counts(spots(np.log1p(COUNTS) + COUNTS / 9), GENES, "log2")
    corrected = COUNTS.copy()
    corrected[0, 1] = 2.5
    assert transform_counts(spots(corrected), ["B"], "log2")[0] == pytest.approx(np.log2(3.5))


def test_a_missing_gene_a_missing_matrix_and_an_unknown_transform_are_named():
    with pytest.raises(PanelError, match=r"missing in C4: .*\(1 of 2\)"):
        transform_counts(spots(), ["A", "Z"], "log2", where="C4")
    with pytest.raises(SpotsError, match="have no counts"):
        transform_counts(spots(None), ["A"], "log2")
    with pytest.raises(OptionError, match="'log10' is unknown"):
        transform_counts(spots(), ["A"], "log10")  # type: ignore[arg-type]
