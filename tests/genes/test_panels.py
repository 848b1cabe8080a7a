"""Panels follow the paper's definition and name what is missing."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scanpy as sc
from anndata import AnnData
from scipy import sparse

from napari_stem.errors import PanelError
from napari_stem.genes.names import check_panel
from napari_stem.genes.panels import deg, hmhvg, hvg, read_panel, region_columns


def table(seed: int, genes: list[str], n: int = 60) -> AnnData:
    random = np.random.default_rng(seed)
    mean = np.exp(np.random.default_rng(0).normal(0, 1.5, len(genes)))
    counts = random.poisson(mean * random.gamma(1, 1, (n, len(genes))))
    return AnnData(sparse.csr_matrix(counts.astype(np.float32)), var=pd.DataFrame(index=genes))


GENES = [*(f"G{i}" for i in range(2500)), "MT-CO1", "mt-Nd1", "RPL7", "Rps3", "MTOR", "MT2A"]


@pytest.fixture(scope="module")
def tables() -> list[AnnData]:
    return [table(seed, GENES) for seed in (1, 2)]


def variable_genes(tables: list[AnnData]) -> set[str]:
    union: set[str] = set()
    for original in tables:
        copy = original.copy()
        sc.pp.filter_genes(copy, min_cells=1)
        sc.pp.normalize_total(copy)
        sc.pp.log1p(copy)
        sc.pp.highly_variable_genes(copy, n_top_genes=2000)
        union |= set(copy.var_names[copy.var.highly_variable])
    union -= {"MT-CO1", "mt-Nd1", "RPL7", "Rps3"}
    return union


def test_hmhvg_equals_the_definition_followed_step_by_step(tables: list[AnnData]):
    union = variable_genes(tables)
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
        "RPLP0",
        "Rplp1",
        "RPSA",
        "MTOR",
        "MT2A",
        "RPE",
        "RPS6KB1",
        "RPS19BP1",
        *(f"G{i}" for i in range(20)),
    ]
    panel = hmhvg([table(1, genes)], 25)
    assert set(panel) == set(genes[7:])


def test_only_genes_that_every_slide_measured_are_chosen():
    first, second = ["A", "B", "C", *"DEFGHIJ"], ["B", "C", *"KLMNOPQ"]
    assert set(hmhvg([table(1, first), table(2, second)], 2)) == {"B", "C"}


def test_too_large_a_panel_says_how_many_genes_there_are(tables: list[AnnData]):
    with pytest.raises(PanelError, match=r"9999 genes were requested.*share only \d+"):
        hmhvg(tables, 9999)


def test_hvg_equals_the_definition_followed_step_by_step(tables: list[AnnData]):
    union = variable_genes(tables)
    means = pd.concat([t.to_df() for t in tables])[sorted(union)].mean()
    expected = means.sort_values(ascending=False, kind="stable").index[:50]
    assert hvg(tables, 50) == list(expected)


@pytest.mark.parametrize("choose", [hmhvg, hvg])
@pytest.mark.parametrize("store", [sparse.csc_matrix, lambda counts: counts.toarray().astype(int)])
def test_the_panel_does_not_depend_on_how_counts_are_stored(
    tables: list[AnnData],
    choose: Callable[[list[AnnData], int], list[str]],
    store: Callable[[sparse.csr_matrix], object],
):
    stored = [AnnData(store(table.X), var=table.var) for table in tables]
    assert choose(stored, 50) == choose(tables, 50)


@pytest.mark.parametrize("choose", [hmhvg, hvg])
def test_a_slide_of_many_spots_is_never_dense(choose: Callable[[list[AnnData], int], list[str]]):
    random = np.random.default_rng(0)
    spots, genes, counted = 20_000, 10_000, 1_000_000
    places = random.integers(spots, size=counted), (genes * random.random(counted) ** 2).astype(int)
    counts = sparse.csr_matrix((np.ones(counted, np.float32), places), shape=(spots, genes))
    slide = AnnData(counts, var=pd.DataFrame(index=[f"G{i}" for i in range(genes)]))
    tracemalloc.start()
    try:
        assert len(choose([slide], 300)) == 300
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # Scanpy holds a few sparse copies; the 2,000 variable genes alone are 320 MB dense.
    assert most < 10 * (counts.data.nbytes + counts.indices.nbytes) < 8 * spots * 2000 / 3


@pytest.fixture(scope="module")
def annotated() -> list[AnnData]:
    """Two slides whose regions express genes of their own; some spots are not annotated."""
    made = []
    for seed in (1, 2):
        spots = table(seed, [*(f"G{i}" for i in range(60)), "MT-CO1"], n=90)
        regions = np.array(["tumour", "stroma", "fat"])[np.arange(90) % 3].astype(object)
        counts = spots.X.toarray()
        for i, region in enumerate(("tumour", "stroma", "fat")):
            counts[regions == region, 5 * i : 5 * i + 5] += 20
        counts[regions == "fat", -1] += 90  # a mitochondrial gene that differs most
        regions[:4] = None
        spots.X = sparse.csr_matrix(counts)
        spots.obs["region"] = pd.Categorical(regions)
        spots.obs["depth"] = counts.sum(axis=1).astype(float)
        made.append(spots)
    return made


def test_deg_equals_scanpy_on_the_pooled_spots(annotated: list[AnnData]):
    pooled = ad.concat(
        [table[table.obs["region"].notna()] for table in annotated], index_unique="-"
    )
    pooled = pooled[:, [gene for gene in sorted(pooled.var_names) if gene != "MT-CO1"]].copy()
    sc.pp.normalize_total(pooled)
    sc.pp.log1p(pooled)
    sc.tl.rank_genes_groups(pooled, "region", method="wilcoxon")
    found = {region: sc.get.rank_genes_groups_df(pooled, region) for region in ("fat", "stroma")}
    panel = deg(annotated, "region", 5)
    assert set(panel) == {f"G{i}" for i in range(15)}
    assert panel[:5] == list(found["fat"]["names"][:5])
    assert panel[5:10] == list(found["stroma"]["names"][:5])


def test_deg_takes_only_genes_that_differ(annotated: list[AnnData]):
    assert {f"G{i}" for i in range(15)} <= set(deg(annotated, "region", 60))
    assert len(deg(annotated, "region", 60)) < 45
    shuffled = [table.copy() for table in annotated]
    for spots in shuffled:
        spots.obs["region"] = np.random.default_rng(0).permutation(["left", "right"] * 45)
        spots.X = sparse.csr_matrix(np.ones(spots.shape, np.float32))
    with pytest.raises(PanelError, match="No gene differs"):
        deg(shuffled, "region", 5)


def test_deg_uses_the_annotated_slides_of_several(annotated: list[AnnData]):
    bare = table(3, list(annotated[0].var_names[:10]))
    panel = deg([*annotated, bare], "region", 5)
    assert set(panel) == {f"G{i}" for i in range(10)}  # what all slides measured


def test_regions_that_cannot_be_compared_are_refused(annotated: list[AnnData]):
    with pytest.raises(PanelError, match=r"No section has regions in a column 'layer'.*: region"):
        deg(annotated, "layer", 5)
    lonely = annotated[0].copy()
    lonely.obs["region"] = ["a", *["b"] * 89]
    with pytest.raises(PanelError, match="1 region with at least two spots"):
        deg([lonely], "region", 5)


def test_columns_of_regions_are_those_with_a_few_texts(annotated: list[AnnData]):
    assert region_columns(annotated) == {"region": 3}


@pytest.mark.parametrize(
    "text", ["# markers\nFASN\nGNAS # note\n\n", '"FASN",1\n"GNAS",2\n', "﻿FASN\r\nGNAS\r\n"]
)
def test_a_gene_list_is_read_from_text_and_csv(tmp_path: Path, text: str):
    path = tmp_path / "genes.txt"
    path.write_text(text, encoding="utf-8")
    assert read_panel(path) == ["FASN", "GNAS"]


@pytest.mark.parametrize(
    ("text", "message"), [("", "gene list is empty"), ("A\nB\nA\n", "has A more than once")]
)
def test_an_unusable_gene_list_is_refused(tmp_path: Path, text: str, message: str):
    path = tmp_path / "genes.txt"
    path.write_text(text)
    with pytest.raises(PanelError, match=message):
        read_panel(path)


def test_a_list_of_all_genes_is_read_at_once(tmp_path: Path):
    (tmp_path / "genes.txt").write_text("\n".join(f"G{number}" for number in range(60_000)))
    started = time.monotonic()
    assert len(read_panel(tmp_path / "genes.txt")) == 60_000
    assert time.monotonic() - started < 10  # in quadratic time a minute


def test_a_missing_gene_list_is_refused(tmp_path: Path):
    with pytest.raises(PanelError, match="gene list could not be read"):
        read_panel(tmp_path / "none.txt")


def test_missing_genes_are_named():
    with pytest.raises(PanelError, match=r"missing in C3: FASN \(1 of 2\)"):
        check_panel(["FASN", "GNAS"], ["GNAS", "ACTB"], "C3")
