"""Panels follow the paper's definition and name what is missing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scanpy as sc
from anndata import AnnData
from scipy import sparse

from napari_stem.errors import PanelError
from napari_stem.panels import check_panel, hmhvg, read_panel


def table(seed: int, genes: list[str], n: int = 60) -> AnnData:
    random = np.random.default_rng(seed)
    mean = np.exp(np.random.default_rng(0).normal(0, 1.5, len(genes)))
    counts = random.poisson(mean * random.gamma(1, 1, (n, len(genes))))
    return AnnData(sparse.csr_matrix(counts.astype(np.float32)), var=pd.DataFrame(index=genes))


GENES = [*(f"G{i}" for i in range(2500)), "MT-CO1", "mt-Nd1", "RPL7", "Rps3", "MTOR", "MT2A"]


@pytest.fixture(scope="module")
def tables() -> list[AnnData]:
    return [table(seed, GENES) for seed in (1, 2)]


def test_hmhvg_equals_the_definition_followed_step_by_step(tables: list[AnnData]):
    union: set[str] = set()
    for original in tables:
        copy = original.copy()
        sc.pp.filter_genes(copy, min_cells=1)
        sc.pp.normalize_total(copy)
        sc.pp.log1p(copy)
        sc.pp.highly_variable_genes(copy, n_top_genes=2000)
        union |= set(copy.var_names[copy.var.highly_variable])
    union -= {"MT-CO1", "mt-Nd1", "RPL7", "Rps3"}
    pooled = pd.concat([t.to_df() for t in tables])[sorted(union)]
    by_mean = list(pooled.mean().sort_values(ascending=False).index)
    by_std = list(pooled.std(ddof=0).sort_values(ascending=False).index)
    k = next(k for k in range(1, len(union)) if len({*by_mean[:k]} & {*by_std[:k]}) >= 50)
    panel = hmhvg(tables, 50)
    assert set(panel) <= {*by_mean[:k]} & {*by_std[:k]}
    assert len(panel) == 50
    assert list(pooled[panel].mean()) == sorted(pooled[panel].mean(), reverse=True)


def test_mitochondrial_and_ribosomal_genes_are_left_out_and_their_namesakes_stay():
    genes = [
        "MT-CO1",
        "mt-Nd1",
        "RPL7",
        "Rps3",
        "MTOR",
        "MT2A",
        "RPE",
        *(f"G{i}" for i in range(20)),
    ]
    panel = hmhvg([table(1, genes)], 23)
    assert {"MTOR", "MT2A", "RPE"} <= set(panel)
    assert not {"MT-CO1", "mt-Nd1", "RPL7", "Rps3"} & set(panel)


def test_only_genes_that_every_slide_measured_are_chosen():
    first, second = ["A", "B", "C", *"DEFGHIJ"], ["B", "C", *"KLMNOPQ"]
    assert set(hmhvg([table(1, first), table(2, second)], 2)) == {"B", "C"}


def test_too_large_a_panel_says_how_many_genes_there_are(tables: list[AnnData]):
    with pytest.raises(PanelError, match=r"panel of 9999 genes.*slides share \d+"):
        hmhvg(tables, 9999)


@pytest.mark.parametrize(
    "text", ["# markers\nFASN\nGNAS # note\n\n", '"FASN",1\n"GNAS",2\n', "﻿FASN\r\nGNAS\r\n"]
)
def test_a_gene_list_is_read_from_text_and_csv(tmp_path: Path, text: str):
    path = tmp_path / "genes.txt"
    path.write_text(text, encoding="utf-8")
    assert read_panel(path) == ["FASN", "GNAS"]


@pytest.mark.parametrize(
    ("text", "message"), [("", "names no gene"), ("A\nB\nA\n", "names A more than once")]
)
def test_an_unusable_gene_list_is_refused(tmp_path: Path, text: str, message: str):
    path = tmp_path / "genes.txt"
    path.write_text(text)
    with pytest.raises(PanelError, match=message):
        read_panel(path)


def test_a_missing_gene_list_is_refused(tmp_path: Path):
    with pytest.raises(PanelError, match="no readable gene list"):
        read_panel(tmp_path / "none.txt")


def test_missing_genes_are_named():
    with pytest.raises(PanelError, match=r"C3: 1 of the panel's 2 genes are missing \(FASN\)"):
        check_panel(["FASN", "GNAS"], ["GNAS", "ACTB"], "C3")
