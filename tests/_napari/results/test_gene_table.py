"""What is listed of a result's genes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from anndata import AnnData
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QMenu

from napari_stem._napari.results.gene_table import GeneTable
from napari_stem._napari.shell.choices import last_choices
from napari_stem._napari.state.result import Result
from napari_stem._napari.state.workspace import Workspace
from napari_stem.evaluation.measured import SpotAgreement

from ..conftest import LEFT

NO_KEY = Qt.KeyboardModifier.NoModifier
GENES = tuple(f"GENE{i:02}" for i in range(40))


@pytest.fixture
def partial(section) -> Result:
    mean = np.ones((section.spots.n_obs, len(GENES)), np.float32)
    return Result(section.slide, section.spots, GENES, "log2(count + 1)", {"mean": mean}, 4)


@pytest.fixture
def whole(partial) -> Result:
    """A result with a gene of which no correlation is known."""
    prediction = AnnData(partial.values["mean"])
    prediction.var_names = list(GENES)
    prediction.var["held_out_pcc"] = np.linspace(0, 0.9, len(GENES))
    prediction.var.loc["GENE30", "held_out_pcc"] = np.nan
    return replace(partial, prediction=prediction)


@pytest.fixture
def table(qtbot) -> GeneTable:
    table = GeneTable(Workspace())
    table.setFixedHeight(200)
    qtbot.addWidget(table)
    table.show()
    return table


def is_in_view(table: GeneTable) -> bool:
    view = table.view
    return view.viewport().rect().contains(view.visualRect(view.currentIndex()))


def test_the_chosen_gene_is_in_view_as_soon_as_there_are_genes(table, partial, whole):
    for result in (partial, whole):
        table.show_genes_of(result)
        table.choose("GENE35")
        assert table.view.currentIndex().data() == "GENE35"
        assert is_in_view(table)


def test_the_same_genes_shown_again_leave_the_view_where_it_was(table, whole):
    table.show_genes_of(whole)
    table.choose("GENE35")
    table.view.scrollToTop()
    table.show_genes_of(replace(whole, n_draws=8))
    table.choose("GENE35")
    assert not is_in_view(table)


def test_a_figure_that_is_not_known_is_shown_as_such_and_sorts_below_all_others(table, whole):
    table.show_genes_of(whole)
    table.view.sortByColumn(1, Qt.SortOrder.DescendingOrder)
    *known, last = (table.view.model().index(row, 1).data() for row in range(len(GENES)))
    assert known == sorted(known, reverse=True)
    assert last == "-"
    assert table.visible_genes()[-1] == "GENE30"


def test_genes_are_sorted_by_their_agreement_with_the_measured_values(table, whole):
    r = np.linspace(-0.2, 0.7, len(GENES))
    r[7] = np.nan  # none of its molecules was counted
    table.show_genes_of(replace(whole, agreement=SpotAgreement(np.ones(20, bool), r, {})))
    header = table.view.model().headerData
    headings = [header(column, Qt.Orientation.Horizontal) for column in range(3)]
    assert headings == ["gene", "r", "PCC"]
    table.view.sortByColumn(1, Qt.SortOrder.DescendingOrder)
    assert table.visible_genes()[:2] == ["GENE39", "GENE38"]
    assert table.visible_genes()[-1] == "GENE07"
    assert table.view.model().index(0, 1).data() == "0.70"


def test_a_narrow_dock_shows_the_chosen_columns_and_the_names_of_genes(table, whole):
    for name in ("mean", "variance", "morans_i"):
        whole.prediction.var[name] = 1.0
    whole.prediction.var["trust"] = "medium"
    table.resize(270, 200)
    table.show_genes_of(
        replace(whole, agreement=SpotAgreement(np.ones(20, bool), np.ones(len(GENES)), {}))
    )
    header = table.view.horizontalHeader()
    variance, moran = 4, 5
    assert [i for i in range(7) if header.isSectionHidden(i)] == [variance, moran]
    assert sum(header.sectionSize(i) for i in range(7)) <= table.view.viewport().width()
    assert header.sectionSize(0) > 60
    header.customContextMenuRequested.emit(QPoint(5, 5))
    menu = table.view.findChild(QMenu)
    menu.actions()[variance - 1].trigger()
    menu.close()
    assert not header.isSectionHidden(variance)
    assert "variance" not in last_choices()["last"].hidden_columns


def test_the_trust_in_genes_is_told_and_genes_that_no_image_tells_are_grey(table, whole):
    trust = ["high", "none", "", "medium", "low"]
    whole.prediction.var["trust"] = [*trust, *[""] * (len(GENES) - len(trust))]
    table.show_genes_of(whole)
    model = table.view.model()
    table.view.sortByColumn(1, Qt.SortOrder.DescendingOrder)
    assert [model.index(row, 1).data() for row in range(5)] == [
        "high",
        "medium",
        "low",
        "none",
        "-",
    ]
    colours = [model.index(row, 0).data(Qt.ItemDataRole.ForegroundRole) for row in range(5)]
    assert [colour is not None for colour in colours] == [False, False, False, True, False]
    tip = model.index(3, 0).data(Qt.ItemDataRole.ToolTipRole)
    assert tip == "GENE01, trust none: the image does not tell this gene; do not use its map."


def click(qtbot, table: GeneTable, gene: str, keys: Qt.KeyboardModifier = NO_KEY) -> None:
    row = table.visible_genes().index(gene)
    place = table.view.visualRect(table.view.model().index(row, 0)).center()
    qtbot.mouseClick(table.view.viewport(), LEFT, keys, place)


def test_searching_leaves_the_shown_gene_and_the_marked_ones(table, partial, whole, qtbot):
    table.show_genes_of(partial)
    table.choose("GENE35")
    told, marked = [], []
    table.chosen.connect(told.append)
    table.selected.connect(lambda: marked.append(table.selected_genes()))
    for text in ("1", "none", ""):
        table.search.setText(text)
        table.narrow(GENES[:5])
        table.narrow(None)
    table.view.setFocus()
    assert not told
    assert table.view.currentIndex().data() == "GENE35"
    assert is_in_view(table)

    table.search.setText("12")
    click(qtbot, table, "GENE12", Qt.KeyboardModifier.ControlModifier)
    table.search.setText("")
    table.show_genes_of(whole)
    table.choose("GENE12")
    assert table.selected_genes() == ["GENE35", "GENE12"]
    rows = table.view.selectionModel().selectedRows()
    assert {index.data() for index in rows} == {"GENE35", "GENE12"}
    assert set(told) == {"GENE12"}

    table.search.setText("12")
    click(qtbot, table, "GENE12")
    assert marked == [["GENE35", "GENE12"], ["GENE12"]]


def test_marks_are_of_genes_that_the_result_has(table, partial):
    table.show_genes_of(partial)
    table.choose("GENE35")
    table.view.selectAll()
    assert len(table.selected_genes()) == len(GENES)
    fewer = {"mean": partial.values["mean"][:, :3]}
    table.show_genes_of(replace(partial, genes=GENES[:3], values=fewer))
    assert table.selected_genes() == [*GENES[:3]]
