"""What to show beside what is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QComboBox, QWidget

from napari_stem._napari.shell.page import listen

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari_stem._napari.state.workspace import Workspace

_NOTHING, _MARKED, _MEASURED = "nothing", "the marked genes", "what was measured"
_MOST = 9  # cells in which a slide can still be read


class CompareBox(QComboBox):
    """Lets a workspace compare genes, or a prediction with what was measured."""

    def __init__(
        self,
        workspace: Workspace,
        marked: Callable[[], Sequence[str]],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._marked = marked
        self.addItems([_NOTHING, _MARKED, _MEASURED])
        self.setToolTip(
            f"Show several heatmaps side by side, moved together: up to {_MOST} genes that are "
            "marked in the table (Ctrl or Shift and click), or the measured values, where the "
            "spots hold counts."
        )
        self.activated.connect(self.refresh)
        for name in ("result", "gene", "statistic"):
            listen(self, workspace.events[name], self.refresh)
        listen(self, workspace.events.compared, self._follow)
        self.refresh()

    def refresh(self) -> None:
        """Bring the workspace in line with the choice, as far as its result allows."""
        result = self._workspace.result
        can_measure = result is not None and "truth" in result.values
        self.model().item(self.findText(_MEASURED)).setEnabled(can_measure)
        if self.currentText() == _MEASURED and result is not None and not can_measure:
            self.setCurrentText(_NOTHING)
        self._workspace.compared = self._cells() if result is not None else ()

    def _follow(self, compared: tuple[tuple[str, str], ...]) -> None:
        if not compared:
            self.setCurrentText(_NOTHING)

    def _cells(self) -> tuple[tuple[str, str], ...]:
        """Genes and statistics."""
        gene, statistic = self._workspace.gene, self._workspace.statistic
        match self.currentText():
            case text if text == _MARKED:
                return tuple((name, statistic) for name in (*self._marked(),)[:_MOST] or (gene,))
            case text if text == _MEASURED:
                return (gene, "mean"), (gene, "truth")
            case _:
                return ()
