"""The result: which gene and statistic to look at, and how."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox
from superqt import QLabeledSlider

from napari_stem._napari.gene_list import GeneList
from napari_stem._napari.memory import remember, remembered
from napari_stem._napari.panel import Panel
from napari_stem._napari.result import STATISTICS

if TYPE_CHECKING:
    from napari_stem._napari.workspace import Workspace

# Even steps of lightness, so that colour-blind people and printers see the order too.
_COLORMAPS = ("viridis", "cividis", "magma", "inferno", "plasma", "gray")
_LIST_HEIGHT = 190


class ResultPanel(Panel):
    """Flick through genes and statistics of the workspace's result."""

    heading = "Result"

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self._build()
        self._connect()
        self.refresh()

    def _build(self) -> None:
        self.genes = GeneList()
        self.genes.setFixedHeight(_LIST_HEIGHT)
        self.genes.setToolTip("Type to search; arrow keys flick through the genes.")
        self.statistic = QComboBox()
        for key, name in STATISTICS.items():
            self.statistic.addItem(name, key)
        self.statistic.setToolTip(
            "Over the draws of a spot: mean (default), standard deviation, or the ends of the "
            "central 90 % interval. All but the mean come when the last draw is done."
        )
        self.colormap = QComboBox()
        self.colormap.addItems(_COLORMAPS)
        self.colormap.setCurrentText(remembered("colormap", self.workspace.colormap))
        self.colormap.setToolTip("Colours of the heatmap (default viridis).")
        self.opacity = QLabeledSlider(Qt.Orientation.Horizontal)
        self.opacity.setRange(0, 100)
        self.opacity.setValue(remembered("opacity", round(100 * self.workspace.opacity)))
        self.opacity.setToolTip("Opacity of spots over the slide in % (default 80).")
        self.add_row(self.note)
        self.add_row(self.genes)
        self.add_row(self.statistic, label="Statistic")
        self.add_row(self.colormap, label="Colours")
        self.add_row(self.opacity, label="Opacity")

    def _connect(self) -> None:
        self.genes.chosen.connect(lambda gene: setattr(self.workspace, "gene", gene))
        self.statistic.activated.connect(self._set_statistic)
        self.colormap.currentTextChanged.connect(self._set_look)
        self.opacity.valueChanged.connect(self._set_look)
        self._set_look()
        for name in ("result", "gene", "statistic"):
            self.workspace.events[name].connect(self.refresh)

    def refresh(self) -> None:
        work = self.workspace
        result = work.result
        self.setEnabled(result is not None)
        if result is None:
            self.note.setText("Nothing predicted yet.")
            return
        partial = "" if result.prediction is not None else " so far"
        self.note.setText(
            f"{len(result.genes):,} genes in {result.spots.n_obs:,} spots, "
            f"{result.n_draws} draws{partial}"
        )
        self.genes.set_genes(result.genes)
        self.genes.choose(work.gene)
        for row, key in enumerate(STATISTICS):
            self.statistic.model().item(row).setEnabled(key in result.values)
        self.statistic.setCurrentIndex(self.statistic.findData(work.statistic))

    def _set_statistic(self, row: int) -> None:
        self.workspace.statistic = self.statistic.itemData(row)

    def _set_look(self) -> None:
        colormap, opacity = self.colormap.currentText(), self.opacity.value()
        self.workspace.colormap, self.workspace.opacity = colormap, opacity / 100
        remember(colormap=colormap, opacity=opacity)
