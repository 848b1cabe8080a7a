"""Predicted against measured values of the shown gene, folded away until they are wanted."""

from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING

import numpy as np

from napari_stem._napari.plots.scatter_plot import ScatterPlot
from napari_stem._napari.shell.fold import Fold
from napari_stem._napari.shell.page import listen

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_stem._napari.state.workspace import Workspace

_TIP = (
    "One dot per spot; the dashed line marks equal values. Drag around dots to select their spots "
    "on the slide; a click selects none."
)


class MeasuredPlot(Fold):
    """A scatter plot of the spots that have counts; hidden where there are none."""

    def __init__(self, workspace: Workspace) -> None:
        self.plot = ScatterPlot(_TIP)
        super().__init__("", "Show predicted against measured values of the gene.", self.plot)
        self._workspace = workspace
        self.toggled.connect(self.refresh)
        self.plot.lassoed.connect(self._select)
        for name in ("result", "gene", "selected_spots"):
            listen(self, workspace.events[name], self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show the gene; dots are drawn only where the plot is unfolded."""
        work = self._workspace
        agreement = work.result.agreement if work.result else None
        self.setVisible(agreement is not None)
        if agreement is None or work.result is None:
            return
        r = agreement.gene_pcc[work.result.genes.index(work.gene)]
        said = "constant counts" if isnan(r) else f"r = {r:.2f}"
        self.setText(f"Measured {work.gene}: {said}")
        if not self.isExpanded():
            return
        shown = agreement.counted
        measured, predicted = (work.result.of(work.gene, name)[shown] for name in ("truth", "mean"))
        self.plot.show_dots(measured, predicted, ("measured", "predicted"))
        self.plot.use_one_scale()
        self.plot.mark(None if work.selected_spots is None else work.selected_spots[shown])

    def _select(self, dots: NDArray[np.bool_]) -> None:
        result = self._workspace.result
        if result is None or result.agreement is None:
            return
        spots = np.zeros(result.spots.n_obs, bool)
        spots[result.agreement.counted] = dots
        self._workspace.select_spots(spots)
