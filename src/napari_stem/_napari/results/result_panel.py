"""The Result panel: which gene and statistic the canvas shows, and in which colours."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QComboBox, QDoubleSpinBox, QLabel, QSizePolicy
from superqt import QLabeledSlider
from superqt.utils import signals_blocked

from napari_stem._napari.results import tasks
from napari_stem._napari.results.agreement_label import AgreementLabel
from napari_stem._napari.results.compare_box import CompareBox
from napari_stem._napari.results.gene_table import GeneTable
from napari_stem._napari.results.marker_box import MarkerBox
from napari_stem._napari.results.measured_plot import MeasuredPlot
from napari_stem._napari.shell.choices import choose_look, choose_threshold
from napari_stem._napari.shell.page import listen
from napari_stem._napari.shell.panel import Panel
from napari_stem.prediction.statistics import STATISTICS
from napari_stem.text import counted

if TYPE_CHECKING:
    from napari_stem._napari.state.result import Result
    from napari_stem._napari.state.workspace import Workspace

# Lightness grows evenly, which keeps the order for colour-blind people and in greyscale.
_COLORMAPS = ("viridis", "cividis", "magma", "inferno", "plasma", "gray")
_CONTRASTS = {False: "per gene", True: "same for all genes"}
_TABLE_HEIGHT = 230
_PAUSE = 300  # ms after which colours are remembered: a slider tells every step


class ResultPanel(Panel):
    """Chooses the gene, the statistic and the colours of the heatmap."""

    heading = "Result"

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self._keeping = QTimer(self, singleShot=True, interval=_PAUSE)
        self._build()
        self._connect()
        self.refresh()

    def _build(self) -> None:
        self.trust = QLabel()
        self.trust.setWordWrap(True)
        self.trust.setStyleSheet("font-weight: bold; color: #d55e00")
        self.agreement = AgreementLabel()
        self.measured = MeasuredPlot(self.workspace)
        self.genes = GeneTable(self.workspace)
        self.genes.setFixedHeight(_TABLE_HEIGHT)
        self.markers = MarkerBox(self.workspace, self.genes.selected_genes)
        self.statistic = QComboBox()
        for row, (key, entry) in enumerate(STATISTICS.items()):
            self.statistic.addItem(entry.label, key)
            self.statistic.setItemData(row, entry.tooltip, Qt.ItemDataRole.ToolTipRole)
        self.statistic.setToolTip(
            "What the heatmap shows: a statistic of the draws per spot (default mean), or the "
            "measured value. All but the mean are available when the prediction is complete."
        )
        self.threshold = QDoubleSpinBox()
        self.threshold.setRange(0, 20)
        self.threshold.setSingleStep(0.5)
        self.threshold.setPrefix("above ")
        self.threshold.setKeyboardTracking(False)
        self.threshold.setValue(self.workspace.threshold)
        self.threshold.setToolTip(
            "Threshold of P(above threshold), the share of draws per spot above this value "
            "(default 1). It has the unit of the prediction."
        )
        self.contrast = QComboBox()
        for shared, text in _CONTRASTS.items():
            self.contrast.addItem(text, shared)
        self.contrast.setToolTip(
            "Range of the colour map (default per gene). The same range for all genes lets you "
            "compare their levels."
        )
        self.compare = CompareBox(self.workspace, self.genes.selected_genes)
        self.colormap = QComboBox()
        self.colormap.addItems(_COLORMAPS)
        self.colormap.setToolTip("Colour map of the heatmap (default viridis).")
        self.opacity = QLabeledSlider(Qt.Orientation.Horizontal)
        self.opacity.setRange(0, 100)
        self.opacity.setToolTip("Opacity of the heatmap over the slide in % (default 80).")
        for box in (self.statistic, self.contrast, self.compare, self.colormap):
            box.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.add_row(self.note)
        self.add_row(self.trust)
        self.add_row(self.agreement)
        self.add_row(self.measured)
        self.add_row(self.markers)
        self.add_row(self.genes)
        self.add_row(self.statistic, label="Statistic")
        self.add_row(self.threshold, label="Threshold")
        self.add_row(self.contrast, label="Contrast")
        self.add_row(self.compare, label="Compare with")
        self.add_row(self.colormap, label="Colour map")
        self.add_row(self.opacity, label="Opacity")

    def _connect(self) -> None:
        self.genes.chosen.connect(self.workspace.look_at)
        self.genes.selected.connect(self.compare.compare)
        self.markers.chosen.connect(self.genes.narrow)
        self.statistic.activated.connect(self._set_statistic)
        self.threshold.valueChanged.connect(self._set_threshold)
        self.contrast.currentTextChanged.connect(self._set_look)
        self.colormap.currentTextChanged.connect(self._set_look)
        self.opacity.valueChanged.connect(self._set_look)
        self._keeping.timeout.connect(self._keep_look)
        self._show_look()
        for name in ("colormap", "opacity", "shared_contrast"):
            listen(self, self.workspace.events[name], self._show_look)
        listen(self, self.workspace.events.gene, self.genes.choose)
        self.follow("result", "statistic")
        listen(self, self.workspace.events.compared, self._offer_statistic)

    def refresh(self) -> None:
        work = self.workspace
        result = work.result
        self.setEnabled(result is not None)
        self._warn(result)
        self.agreement.show_of(result)
        if result is None:
            self.note.setText("No prediction yet.")
            return
        partial = "" if result.prediction is not None else " so far"
        self.note.setText(
            f"{counted(len(result.genes), 'gene')} in {counted(result.spots.n_obs, 'spot')}, "
            f"{counted(result.n_draws, 'draw')}{partial}{_hatched(result)}"
        )
        self.genes.show_genes_of(result)
        self.genes.choose(work.gene)
        for row, key in enumerate(STATISTICS):
            self.statistic.model().item(row).setEnabled(result.can_show(key))
        self.statistic.setCurrentIndex(self.statistic.findData(work.statistic))
        self.threshold.setEnabled(STATISTICS[work.statistic].takes_threshold)
        if result.threshold is not None:
            with signals_blocked(self.threshold):
                self.threshold.setValue(result.threshold)

    def _offer_statistic(self) -> None:
        """Disable the statistic while predicted and measured values are compared by the mean."""
        shown = {cell.statistic for cell in self.workspace.compared}
        self.statistic.setEnabled(len(shown) < 2)

    def _warn(self, result: Result | None) -> None:
        """Show why the result should not be trusted, if there is a reason."""
        warnings = result.warnings if result else []
        self.trust.setVisible(bool(warnings))
        self.trust.setText("\n".join(f"⚠ {warning}" for warning in warnings))

    def _set_statistic(self, row: int) -> None:
        statistic, result = self.statistic.itemData(row), self.workspace.result
        assert result is not None  # otherwise the panel is disabled
        if statistic in result.values:
            self.workspace.show(result, statistic)
        else:
            self._compute(result, statistic)

    def _set_threshold(self, threshold: float) -> None:
        choose_threshold(self.workspace, threshold)
        result, statistic = self.workspace.result, self.workspace.statistic
        if result is not None and STATISTICS[statistic].takes_threshold:
            self._compute(result, statistic)

    def _compute(self, result: Result, statistic: str) -> None:
        task = tasks.compute_statistic(result, statistic, self.threshold.value())
        self.run(task, "Computing the statistic…", partial(self._take, result, statistic))

    def _take(self, former: Result, statistic: str, result: Result) -> None:
        if self.workspace.result is former:
            self.workspace.show(result, statistic)

    def _set_look(self) -> None:
        colormap, opacity = self.colormap.currentText(), self.opacity.value() / 100
        shared = self.contrast.currentData()
        self.workspace.colour(colormap, opacity, shared_contrast=shared)
        self._keeping.start()

    def _keep_look(self) -> None:
        work = self.workspace
        choose_look(work, work.colormap, work.opacity, shared=work.shared_contrast)

    def _show_look(self) -> None:
        """Show the colours of the heatmap, which another dock may have changed."""
        work = self.workspace
        with signals_blocked(self.colormap), signals_blocked(self.opacity):
            if self.colormap.findText(work.colormap) < 0:  # chosen in napari's layer controls
                self.colormap.addItem(work.colormap)
            self.colormap.setCurrentText(work.colormap)
            self.opacity.setValue(round(100 * work.opacity))
        with signals_blocked(self.contrast):
            self.contrast.setCurrentIndex(self.contrast.findData(work.shared_contrast))


def _hatched(result: Result) -> str:
    n_foreign = int(result.foreign.sum())
    if not n_foreign:
        return ""
    return f"\nHatched: {counted(n_foreign, 'spot')} unlike the training tissue"
