"""Violins of the shown gene by cluster or group."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QComboBox, QSizePolicy
from superqt.utils import signals_blocked

from napari_stem._napari.plots.violin_plot import ViolinPlot
from napari_stem._napari.shell.panel import Panel
from napari_stem.analysis.distributions import by_cluster

if TYPE_CHECKING:
    from napari_stem._napari.state.result import Result
    from napari_stem._napari.state.workspace import Workspace
    from napari_stem.analysis.labels import Clusters


class ViolinsPanel(Panel):
    """The distribution of a gene over the spots of each cluster or group."""

    heading = "Gene by cluster or group"

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self._labels: Clusters | None = None  # whose violins are drawn
        self.by = QComboBox()
        self.by.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.by.setToolTip("One violin per cluster, or per group.")
        self.plot = ViolinPlot("Click to select these spots.")
        self.add_row(self.by, label="By")
        self.add_row(self.note)
        self.add_row(self.plot)
        self.by.activated.connect(self.refresh)
        self.plot.chosen.connect(self._select)
        self.follow("result", "gene", "clusters", "groups")
        self.refresh()

    def refresh(self) -> None:
        work, result = self.workspace, self.workspace.result
        known = {"clusters": work.clusters, "groups": work.groups}
        offered = {name: found for name, found in known.items() if found and found.names}
        self._offer(list(offered))
        self._labels = offered.get(self.by.currentText())
        self.setEnabled(self._labels is not None)
        self.plot.setVisible(self._labels is not None)
        if result is None or self._labels is None:
            self.note.setText("No clusters and no groups yet.")
        else:
            self._show(result, self._labels)

    def _show(self, result: Result, labels: Clusters) -> None:
        gene = self.workspace.gene
        rows, ends = by_cluster(result.of(gene, "mean"), labels)
        self.note.setText(f"{gene}, mean of the draws per spot")
        self.plot.show_rows(rows, ends, result.unit_of([(gene, "mean")]))

    def _offer(self, names: list[str]) -> None:
        former = self.by.currentText()
        with signals_blocked(self.by):
            self.by.clear()
            self.by.addItems(names)
            self.by.setCurrentIndex(max(0, self.by.findText(former)))

    def _select(self, title: str) -> None:
        assert self._labels is not None  # otherwise there is no row
        number = self._labels.titles.index(title) + 1
        self.workspace.select_spots(self._labels.spots_in([number]))
