"""The genes of a result as the model of a table: what is known of each, sorted and searched."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isnan
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QAbstractTableModel, QModelIndex, QSortFilterProxyModel, Qt
from qtpy.QtGui import QColor

from napari_stem.checkpoints.gene_trust import CLASSES, MEANING, trust_levels
from napari_stem.prediction.statistics import displayed

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from napari_stem._napari.state.result import Result

_ALL = QModelIndex()
_UNKNOWN = "-"
_GREY = QColor(128, 128, 128)  # stands back in light and dark themes


@dataclass(frozen=True, slots=True)
class Column:
    """What is told of each gene.

    Attributes
    ----------
    heading, tip
        Display texts.
    words
        What its numbers 0, 1, … stand for; none if they are shown as numbers.
    """

    heading: str
    tip: str
    words: tuple[str, ...] = ()


# Agreement with the measured values, or a column of a prediction's `var`.
_AGREEMENT, _TRUST = "agreement", "trust"
COLUMNS = {
    _TRUST: Column(
        "trust",
        "How far the map of the gene can be believed, by held-out tissue: high, medium, low or "
        "none (grey)",
        CLASSES,
    ),
    _AGREEMENT: Column(
        "r", "Pearson correlation of predicted and measured values over these spots"
    ),
    "mean": Column("mean", "Mean predicted expression of all spots"),
    "variance": Column("var", "Variance of the predicted expression between spots"),
    "morans_i": Column(
        "Moran", "Moran's I: near 1 for smooth spatial patterns, near 0 for random ones"
    ),
    "held_out_pcc": Column(
        "PCC", "Pearson correlation of predicted and measured values on held-out tissue"
    ),
    "held_out_ceiling": Column(
        "most", "Noise ceiling: the correlation that a perfect prediction would reach there"
    ),
}


class Genes(QAbstractTableModel):
    """The genes of a result in alphabetical order, with the statistics that the result has."""

    def __init__(self) -> None:
        super().__init__()
        self._names: list[str] = []
        self._statistics: dict[str, list[float | None]] = {}

    def replace(self, result: Result) -> bool:
        """Take the genes of a result; returns whether anything has changed."""
        names = sorted(result.genes)
        known = _figures(result, names)
        # None instead of NaN, which is unequal to itself: equal tables must compare equal.
        statistics = {
            key: [None if isnan(value) else float(value) for value in known[key]]
            for key in COLUMNS
            if key in known
        }
        if (names, statistics) == (self._names, self._statistics):
            return False
        self.beginResetModel()
        self._names, self._statistics = names, statistics
        self.endResetModel()
        return True

    @property
    def columns(self) -> list[str]:
        """The keys in `COLUMNS` of the columns after the names."""
        return list(self._statistics)

    def rowCount(self, parent: QModelIndex = _ALL) -> int:
        return 0 if parent.isValid() else len(self._names)

    def columnCount(self, parent: QModelIndex = _ALL) -> int:
        return 0 if parent.isValid() else 1 + len(self._statistics)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row, column = index.row(), index.column()
        if role == Qt.ItemDataRole.TextAlignmentRole and column:
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        if role == Qt.ItemDataRole.ForegroundRole and self._trust(row) == CLASSES[0]:
            return _GREY
        if role == Qt.ItemDataRole.ToolTipRole and (trust := self._trust(row)):
            return f"{self._names[row]}, trust {trust}: {MEANING[trust]}."
        if role not in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.UserRole):
            return None
        if not column:
            return self._names[row]
        key = self.columns[column - 1]
        value = self._statistics[key][row]
        if role == Qt.ItemDataRole.UserRole:
            return -inf if value is None else value
        if value is None:
            return _UNKNOWN
        words = COLUMNS[key].words
        return words[int(value)] if words else f"{value:.2f}"

    def _trust(self, row: int) -> str:
        """The class of a gene; "" where it is not known."""
        level = self._statistics[_TRUST][row] if _TRUST in self._statistics else None
        return "" if level is None else CLASSES[int(level)]

    def headerData(
        self, section: int, way: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if way != Qt.Orientation.Horizontal:
            return None
        heading, tip = "gene", ""
        if section:
            column = COLUMNS[self.columns[section - 1]]
            heading, tip = column.heading, column.tip
        if role == Qt.ItemDataRole.DisplayRole:
            return heading
        if role != Qt.ItemDataRole.ToolTipRole or not tip:
            return None
        return f"{tip}. Click to sort, right-click to choose columns."


class ShownGenes(QSortFilterProxyModel):
    """Genes that match the search and belong to the chosen marker set."""

    def __init__(self, genes: Genes) -> None:
        super().__init__()
        self._only: Collection[str] | None = None
        self.setSourceModel(genes)
        self.setFilterCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.setSortRole(Qt.ItemDataRole.UserRole)

    def narrow(self, genes: Collection[str] | None) -> None:
        self._only = genes
        self.invalidateFilter()

    def filterAcceptsRow(self, row: int, parent: QModelIndex) -> bool:
        name = self.sourceModel().index(row, 0, parent).data()
        accepted = self._only is None or name in self._only
        return accepted and bool(super().filterAcceptsRow(row, parent))


def _figures(result: Result, names: list[str]) -> Mapping[str, Collection[float]]:
    """What is known of genes, by column."""
    if result.prediction is None:
        return {}
    known = dict(result.prediction.var.loc[names])
    if _TRUST in known:
        known[_TRUST] = trust_levels(known[_TRUST])
    if "mean" in known:
        known["mean"] = displayed(known["mean"])
    if result.agreement is not None:
        by_gene = dict(zip(result.genes, result.agreement.gene_pcc, strict=True))
        known[_AGREEMENT] = [by_gene[name] for name in names]
    return known
