"""A box to choose a gene by typing a part of its symbol."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QCompleter, QSizePolicy, QWidget
from superqt.utils import signals_blocked

if TYPE_CHECKING:
    from collections.abc import Sequence


class GeneBox(QComboBox):
    """Genes in alphabetical order; what is typed finds those that contain it."""

    def __init__(self, tip: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._genes: tuple[str, ...] = ()
        self.setEditable(True)
        self.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.completer().setCompletionMode(QCompleter.CompletionMode.PopupCompletion)
        self.completer().setFilterMode(Qt.MatchFlag.MatchContains)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setToolTip(tip)

    def offer(self, genes: Sequence[str], wanted: str) -> None:
        """Offer genes, and choose one of them."""
        with signals_blocked(self):
            if tuple(genes) != self._genes:
                self._genes = tuple(genes)
                self.clear()
                self.addItems(sorted(genes))
            self.setCurrentIndex(self.findText(wanted))

    @property
    def gene(self) -> str:
        """The chosen gene; "" while something else is typed."""
        text = self.currentText()
        return text if text in self._genes else ""
