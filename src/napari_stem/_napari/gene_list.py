"""A searchable list of genes that arrow keys walk through."""

from __future__ import annotations

from collections.abc import Iterable

from qtpy.QtCore import QEvent, QObject, QSignalBlocker, Qt, Signal
from qtpy.QtWidgets import QApplication, QWidget
from superqt import QSearchableListWidget

_MOVES = (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown)


class GeneList(QSearchableListWidget):
    """Genes in alphabetical order; typing narrows them, arrows move from either part."""

    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._names: list[str] = []
        self.layout().setContentsMargins(0, 0, 0, 0)
        self.filter_widget.setPlaceholderText("Search genes")
        self.filter_widget.setClearButtonEnabled(True)
        self.filter_widget.installEventFilter(self)
        self.list_widget.setUniformItemSizes(True)
        self.list_widget.currentTextChanged.connect(self._tell)

    def set_genes(self, genes: Iterable[str]) -> None:
        """Replace the genes; none of them is chosen then."""
        names = sorted(genes)
        if names == self._names:
            return
        self._names = names
        with QSignalBlocker(self.list_widget):
            self.list_widget.clear()
            self.addItems(names)

    def choose(self, gene: str) -> None:
        """Mark a gene without telling anybody."""
        for item in self.findItems(gene, Qt.MatchFlag.MatchExactly):
            with QSignalBlocker(self.list_widget):
                self.setCurrentItem(item)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Let arrows in the search field move through the list."""
        if event.type() == QEvent.Type.KeyPress and event.key() in _MOVES:
            return bool(QApplication.sendEvent(self.list_widget, event))
        return bool(super().eventFilter(watched, event))

    def _tell(self, gene: str) -> None:
        if gene:
            self.chosen.emit(gene)
