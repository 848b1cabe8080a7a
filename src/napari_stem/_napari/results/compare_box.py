"""The choice of heatmaps to compare side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QComboBox, QWidget

from napari_stem._napari.shell.page import listen

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari_stem._napari.state.workspace import Workspace

_NONE, _SELECTED, _MEASURED = "none", "selected genes", "measured values"
_MOST = 9  # cells; in more of them a slide is too small


class CompareBox(QComboBox):
    """Compares selected genes with each other, or a prediction with measured values."""

    def __init__(
        self,
        workspace: Workspace,
        selected: Callable[[], Sequence[str]],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._selected = selected
        self.addItems([_NONE, _SELECTED, _MEASURED])
        self.setToolTip(
            "Show heatmaps side by side, with linked zoom (default none). Selected genes: up to "
            f"{_MOST} genes of the table, selected with Ctrl+click or Shift+click. Measured "
            "values: the shown gene beside its measurement, if the spots have counts."
        )
        self.activated.connect(self.refresh)
        for name in ("result", "gene", "statistic"):
            listen(self, workspace.events[name], self.refresh)
        listen(self, workspace.events.compared, self._follow)
        self.refresh()

    def refresh(self) -> None:
        """Compare what is chosen, if the result has it."""
        result = self._workspace.result
        can_measure = result is not None and "truth" in result.values
        self.model().item(self.findText(_MEASURED)).setEnabled(can_measure)
        if self.currentText() == _MEASURED and result is not None and not can_measure:
            self.setCurrentText(_NONE)
        self._workspace.compared = self._cells() if result is not None else ()

    def _follow(self, compared: tuple[tuple[str, str], ...]) -> None:
        if not compared:
            self.setCurrentText(_NONE)

    def _cells(self) -> tuple[tuple[str, str], ...]:
        """The gene and the statistic of each cell."""
        gene, statistic = self._workspace.gene, self._workspace.statistic
        match self.currentText():
            case text if text == _SELECTED:
                return tuple((name, statistic) for name in (*self._selected(),)[:_MOST] or (gene,))
            case text if text == _MEASURED:
                return (gene, "mean"), (gene, "truth")
            case _:
                return ()
