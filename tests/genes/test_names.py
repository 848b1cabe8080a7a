"""Genes are found by whatever name a table gives them, and what is missing is explained."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from scipy import sparse

from napari_stem.errors import PanelError
from napari_stem.genes.counts import panel_counts
from napari_stem.genes.names import (
    ensembl_id,
    find_genes,
    named_by_symbol,
    read_other_symbols,
    with_other_symbols,
)
from napari_stem.genes.panels import hmhvg
from napari_stem.training.plan import PanelChoice
from napari_stem.training.run import choose_panel

IDS = ["ENSG00000169710", "ENSG00000087460", "ENSG00000075624"]
SYMBOLS = ["FASN", "GNAS", "ACTB"]
COUNTS = np.array([[1, 2, 3], [4, 5, 6]], dtype=np.float32)


def table(names: list[str], counts: np.ndarray = COUNTS, **columns: list[object]) -> AnnData:
    return AnnData(counts, var=pd.DataFrame(columns, index=names))


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_matrix, sparse.csc_matrix])
@pytest.mark.parametrize(
    ("names", "columns"),
    [
        (SYMBOLS, {}),
        (IDS, {"gene_name": SYMBOLS}),
        ([f"{name}.12" for name in IDS], {"feature_name": SYMBOLS}),
        (["1", "2", "3"], {"Symbol": SYMBOLS, "gene_ids": IDS}),
    ],
)
def test_a_panel_of_symbols_finds_its_columns(form, names, columns):
    spots = table(names, form(COUNTS), **columns)
    np.testing.assert_array_equal(panel_counts(spots, ["ACTB", "FASN"], "t"), COUNTS[:, [2, 0]])


def test_a_listed_panel_is_chosen_by_any_name_and_what_is_missing_is_told():
    spots = table(SYMBOLS, gene_ids=IDS)
    listed = PanelChoice("list", genes=(IDS[1], "ACTB"))
    assert choose_panel(listed, [spots]) == [IDS[1], "ACTB"]
    with pytest.raises(PanelError, match=r"missing in .*: EPCAM \(1 of 3\)"):
        choose_panel(replace(listed, genes=(IDS[1], "EPCAM", "ACTB")), [spots])


@pytest.mark.parametrize(
    ("names", "columns"),
    [
        (["GRCh38_FASN", "GRCh38_HLA-B", "mm10_Actb"], {}),
        (["hg38___FASN", "hg38___HLA-B", "mm10___Actb"], {}),
        (["FASN", "HLA.B", "Actb"], {}),  # R's
        (["GRCh38_FASN", "GRCh38_HLA.B", "mm10_Actb"], {}),
        ([f"GRCh38_{name}" for name in IDS], {"gene_name": ["GRCh38_FASN", "HLA-B", "Actb"]}),
        ([f"GRCh38_{name}.4" for name in IDS], {"gene_name": ["FASN", "HLA-B", "Actb"]}),
    ],
)
def test_genome_prefixes_and_names_of_r_are_seen_through(names, columns):
    spots = table(names, **columns)
    np.testing.assert_array_equal(panel_counts(spots, ["HLA-B", "FASN"], "t"), COUNTS[:, [1, 0]])
    if names[0].startswith("GRCh38_ENSG"):
        np.testing.assert_array_equal(panel_counts(spots, [IDS[2]], "t"), COUNTS[:, [2]])


def test_a_name_as_it_is_goes_before_one_that_r_made():
    spots = table(["HLA.B", "HLA-B", "RP11.34P13.7"])
    np.testing.assert_array_equal(panel_counts(spots, ["HLA-B"], "t"), COUNTS[:, [1]])
    np.testing.assert_array_equal(panel_counts(spots, ["RP11-34P13.7"], "t"), COUNTS[:, [2]])


@pytest.mark.parametrize("date", ["1-Mar", "2-Sep", "Dec-01"])
def test_dates_of_a_spreadsheet_are_explained(date: str):
    with pytest.raises(PanelError, match=rf"The table has {date}: a spreadsheet turned names"):
        panel_counts(table(["FASN", "GNAS", date]), ["FASN", "MARCH1"], "t")


def test_a_panel_of_ensembl_ids_ignores_versions():
    spots = table(SYMBOLS, gene_ids=[f"{name}.3" for name in IDS])
    np.testing.assert_array_equal(panel_counts(spots, [f"{IDS[1]}.7"], "t"), COUNTS[:, [1]])


def test_loci_of_one_symbol_are_summed():
    for names, columns in [
        (["FASN", "ACTB", "FASN"], {}),
        (["FASN", "ACTB", "FASN-1"], {"gene_name": ["FASN", "ACTB", "FASN"]}),
    ]:
        spots = named_by_symbol(table(names, **columns))
        assert spots.var_names.is_unique
        np.testing.assert_array_equal(panel_counts(spots, ["FASN"], "t"), [[4], [10]])


def test_tables_are_named_by_symbol_and_keep_their_ids():
    spots = named_by_symbol(table(IDS, gene_name=["FASN", None, "ACTB"]))
    assert list(spots.var_names) == ["FASN", IDS[1], "ACTB"]
    assert list(spots.var["gene_ids"]) == IDS
    plain = named_by_symbol(table(SYMBOLS, gene_ids=IDS))
    assert list(plain.var_names) == SYMBOLS


def test_panels_of_tables_with_different_names_can_be_chosen():
    random = np.random.default_rng(0)
    genes = [f"G{i}" for i in range(30)]
    ids = [f"ENSG{i:011}" for i in range(30)]
    first = table(genes, random.poisson(3.0, (40, 30)).astype(np.float32))
    second = table(ids, random.poisson(3.0, (40, 30)).astype(np.float32), gene_name=genes)
    assert set(hmhvg([first, named_by_symbol(second)], 10)) <= set(genes)


def test_a_human_gene_is_not_a_mouse_gene():
    spots = table(["Fasn", "Gnas", "Actb"])
    with pytest.raises(PanelError, match=r"2 of 2.*Fasn instead of FASN.*species"):
        panel_counts(spots, ["FASN", "ACTB"], "brain")


def test_ids_without_symbols_are_explained():
    with pytest.raises(PanelError, match=r"names genes by Ensembl id.*var\['gene_name'\]"):
        panel_counts(table(IDS), ["FASN"], "kidney")
    with pytest.raises(PanelError, match=r"EPCAM \(1 of 2\)\. Remove"):
        panel_counts(table(SYMBOLS), ["FASN", "EPCAM"], "kidney")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ENSG00000169710", "ENSG00000169710"),
        ("ENSMUSG00000051951.4", "ENSMUSG00000051951"),
        ("ENSEMBLE", None),
        ("ENST00000169710", None),
        ("ENSG00000169710_PAR_Y", None),
    ],
)
def test_ensembl_ids_are_told_from_symbols(name: str, expected: str | None):
    assert ensembl_id(name) == expected


HGNC = """hgnc_id\tsymbol\talias_symbol\tprev_symbol
HGNC:1\tCEMIP\t"TMEM2L"\tKIAA1199
HGNC:2\tMARCHF1\t"RNF171|MARCH-I"\tMARCH1
HGNC:3\tTWO\t\tSHARED
HGNC:4\tONE\t\tSHARED
"""


def test_old_symbols_are_reconciled_in_both_directions(tmp_path: Path):
    path = tmp_path / "hgnc_complete_set.txt"
    path.write_text(HGNC)
    others = read_other_symbols(path)
    old = with_other_symbols(table(["KIAA1199", "MARCH1", "ACTB"]), others)
    assert find_genes(["CEMIP", "MARCHF1"], old.var).columns["MARCHF1"].tolist() == [1]
    new = with_other_symbols(table(["CEMIP", "MARCHF1", "ACTB"]), others)
    assert find_genes(["MARCH1", "KIAA1199", "ACTB"], new.var).missing == ()


def test_an_old_symbol_of_two_genes_stands_for_neither(tmp_path: Path):
    path = tmp_path / "hgnc.txt"
    path.write_text(HGNC)
    spots = with_other_symbols(table(["SHARED", "ONE", "ACTB"]), read_other_symbols(path))
    assert find_genes(["TWO"], spots.var).missing == ("TWO",)


def test_a_table_of_two_columns_is_enough(tmp_path: Path):
    path = tmp_path / "renamed.csv"
    path.write_text("old,new\nMARCH1,MARCHF1\n")
    spots = with_other_symbols(table(["MARCH1", "A", "B"]), read_other_symbols(path))
    assert find_genes(["MARCHF1"], spots.var).missing == ()
    path.write_text("MARCH1\n")
    with pytest.raises(PanelError, match=r"renamed\.csv"):
        read_other_symbols(path)
