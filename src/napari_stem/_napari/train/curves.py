"""Plots of a training run: losses by step, and the variance of each gene."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyqtgraph
from napari.utils.theme import get_theme
from qtpy.QtWidgets import QApplication, QHBoxLayout, QSizePolicy, QWidget

from napari_stem.training.curves import Curves

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari_stem.events import Event

# Colours that colour-blind people can tell apart (Okabe and Ito 2008), on dark and light themes.
_TRAINING, _HELD_OUT, _PREDICTED = "#56B4E9", "#E69F00", "#009E73"


class TrainingCurves(QWidget):
    """Two plots side by side, in the colours of napari's theme."""

    def __init__(self, theme: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._curves = Curves()
        self.loss = _plot("step", "loss", legend=(-10, 10))
        self.variation = _plot(
            "genes, ordered by measured variance", "variance between spots", legend=(10, 10)
        )
        self._lines: dict[str, Any] = {
            "training": self.loss.plot(name="training", pen=_TRAINING),
            "held out": self.loss.plot(
                name="held out", pen=pyqtgraph.mkPen(_HELD_OUT, width=2), symbol="o",
                symbolSize=5, symbolBrush=_HELD_OUT, symbolPen=None,
            ),
            "measured": self.variation.plot(name="measured"),
            "predicted": self.variation.plot(
                name="predicted (mean of draws)", pen=None, symbol="o", symbolSize=4,
                symbolBrush=_PREDICTED, symbolPen=None,
            ),
        }  # fmt: skip
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.loss)
        row.addWidget(self.variation)
        self.set_theme(theme)

    def clear(self) -> None:
        """Clear both plots."""
        self._curves = Curves()
        self._draw()

    def show_events(self, events: Iterable[Event]) -> None:
        """Add losses, and show the latest variances."""
        self._curves.add(events)
        self._draw()

    def set_theme(self, theme: str) -> None:
        """Use the colours of a napari theme."""
        colours = get_theme(theme)
        text = colours.text.as_hex()
        for plot in (self.loss, self.variation):
            plot.setBackground(colours.background.as_hex())
            for side in ("left", "bottom"):
                plot.getAxis(side).setPen(text)
                plot.getAxis(side).setTextPen(text)
            for sample, label in plot.plotItem.legend.items:
                label.setText(label.text, color=text)
                sample.update()
        self._lines["measured"].setPen(pyqtgraph.mkPen(text, width=2))

    def _draw(self) -> None:
        measured, predicted = self._curves.variances
        genes = range(len(measured))
        self._lines["training"].setData(*self._curves.training)
        self._lines["held out"].setData(*self._curves.held_out)
        self._lines["measured"].setData(genes, measured)
        self._lines["predicted"].setData(genes, predicted)


def _plot(bottom: str, left: str, legend: tuple[int, int]) -> Any:
    others = set(QApplication.topLevelWidgets())
    made = pyqtgraph.PlotWidget()
    for menu in set(QApplication.topLevelWidgets()) - others - {made}:
        menu.setParent(made, menu.windowFlags())  # unused, and deleted with the plot
    made.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)
    made.setMinimumSize(220, 160)
    made.setMenuEnabled(False)
    made.hideButtons()
    made.addLegend(offset=legend)
    made.plotItem.layout.setContentsMargins(2, 4, 8, 8)
    made.setLabels(bottom=bottom, left=left)
    made.setDownsampling(auto=True, mode="peak")
    made.setClipToView(True)
    return made
