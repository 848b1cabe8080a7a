"""The choice of heatmaps to compare side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QComboBox, QWidget

from napari_stem._napari.shell.page import listen
from napari_stem._napari.state.comparison import MOST, Comparison

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari_stem._napari.state.comparison import Kind
    from napari_stem._napari.state.workspace import Workspace

_KINDS: dict[Kind, str] = {
    "": "none",
    "genes": "selected genes",
    "measured": "measured values",
    "results": "other results",
}


class CompareBox(QComboBox):
    """Compares selected genes, a prediction with measured values, or results of the slide."""

    def __init__(
        self,
        workspace: Workspace,
        selected: Callable[[], Sequence[str]],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._selected = selected
        for kind, text in _KINDS.items():
            self.addItem(text, kind)
        self.setToolTip(
            "Show heatmaps side by side, with linked zoom (default none). Selected genes: up to "
            f"{MOST} genes of the table, selected with Ctrl+click or Shift+click. Measured "
            "values: the shown gene beside its measurement, if the spots have counts. Other "
            "results: the shown gene in all results of the slide, on one colour scale; "
            "Ctrl+click in the list of results chooses some."
        )
        self.activated.connect(self.compare)
        for name in ("result", "results", "comparison"):
            listen(self, workspace.events[name], self.refresh)
        self.refresh()

    def compare(self) -> None:
        """Compare what is chosen, with the genes that are selected now."""
        kind, now = self.currentData(), self._workspace.comparison
        results = now.results if kind == now.kind else ()
        self._workspace.compare(Comparison(kind, tuple(self._selected()), results))

    def refresh(self) -> None:
        """Show what is compared, and offer measured values and other results if there are some."""
        result, kind = self._workspace.result, self._workspace.comparison.kind
        can_measure = result is not None and "truth" in result.values
        self.model().item(self.findData("measured")).setEnabled(can_measure)
        has_others = len(self._workspace.results) > 1
        self.model().item(self.findData("results")).setEnabled(has_others)
        self.setCurrentIndex(self.findData(kind))
