"""A scatter plot of two genes, linked with the slide."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_stem._napari.plots.scatter_plot import ScatterPlot
from napari_stem._napari.shell.gene_box import GeneBox
from napari_stem._napari.shell.panel import Panel
from napari_stem.analysis.correlation import correlations

if TYPE_CHECKING:
    from napari_stem._napari.state.result import Result
    from napari_stem._napari.state.workspace import Workspace

_TIP = (
    "Mean of the draws, one dot per spot. Drag around dots to select their spots on the slide; "
    "spots that are selected there are marked here. A click selects none."
)


class TwoGenesPanel(Panel):
    """Plots the shown gene against another one; a lasso selects spots."""

    heading = "Two genes"

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.other = GeneBox("The gene to plot the shown one against. Type a part of its symbol.")
        self.plot = ScatterPlot(_TIP)
        self.add_row(self.other, label="Against")
        self.add_row(self.note)
        self.add_row(self.plot)
        self.other.currentTextChanged.connect(self.refresh)
        self.plot.lassoed.connect(self.workspace.select_spots)
        self.follow("result", "gene", "selected_spots")
        self.refresh()

    def refresh(self) -> None:
        result = self.workspace.result
        self.setEnabled(result is not None)
        self.plot.setVisible(result is not None)
        if result is None:
            self.note.setText("No prediction yet.")
        elif other := self._other_gene(result):
            self.other.offer(result.genes, other)
            self._show(result, other)

    def _other_gene(self, result: Result) -> str:
        """The gene to plot against; "" while its symbol is typed."""
        if self.other.gene in result.genes or self.other.lineEdit().hasFocus():
            return self.other.gene
        shown = self.workspace.gene
        return next((gene for gene in result.genes if gene != shown), shown)

    def _show(self, result: Result, other: str) -> None:
        gene = self.workspace.gene
        x, y = result.of(gene, "mean"), result.of(other, "mean")
        r = float(correlations(x[None], y[None])[0])
        self.note.setText(f"{gene} against {other}: r = {r:.2f}")
        self.plot.show_dots(x, y, (gene, other))
        self.plot.mark(self.workspace.selected_spots)
