"""Plots of a training run: losses by step, and the variance of each gene."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyqtgraph
from napari.utils.theme import get_theme
from qtpy.QtWidgets import QHBoxLayout, QSizePolicy, QWidget

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
        self.loss = Plot("step", "loss", legend=(-10, 10))
        self.variation = Plot(
            "genes, ordered by measured variance", "variance between spots", legend=(10, 10)
        )
        self._lines: dict[str, Any] = {
            "training": self.loss.line("training", pen=_TRAINING),
            "held out": self.loss.line(
                "held out", pen=pyqtgraph.mkPen(_HELD_OUT, width=2), symbol="o",
                symbolSize=5, symbolBrush=_HELD_OUT, symbolPen=None,
            ),
            "measured": self.variation.line("measured"),
            "predicted": self.variation.line(
                "predicted (mean of draws)", pen=None, symbol="o", symbolSize=4,
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
            plot.set_colours(colours.background.as_hex(), text)
        self._lines["measured"].setPen(pyqtgraph.mkPen(text, width=2))

    def _draw(self) -> None:
        measured, predicted = self._curves.variances
        genes = range(len(measured))
        self._lines["training"].setData(*self._curves.training)
        self._lines["held out"].setData(*self._curves.held_out)
        self._lines["measured"].setData(genes, measured)
        self._lines["predicted"].setData(genes, predicted)


class Plot(pyqtgraph.GraphicsLayoutWidget):
    """Lines between two axes; pyqtgraph's own plot makes menus that nobody owns."""

    def __init__(self, bottom: str, left: str, legend: tuple[int, int]) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)
        self.setMinimumSize(220, 160)
        self.ci.setContentsMargins(2, 10, 8, 8)
        self.ci.setSpacing(0)
        view = pyqtgraph.ViewBox(enableMenu=False)
        self.axes = [pyqtgraph.AxisItem(side, linkView=view) for side in ("left", "bottom")]
        self.addItem(view, 0, 1)
        for axis, label, place in zip(self.axes, (left, bottom), ((0, 0), (1, 1)), strict=True):
            axis.setLabel(label)
            self.addItem(axis, *place)
        self.legend = pyqtgraph.LegendItem(offset=legend)
        self.legend.setParentItem(view)
        self.lines: list[pyqtgraph.PlotDataItem] = []
        self._view = view

    def line(self, name: str, **look: Any) -> Any:
        """A new line, without data as yet."""
        made = pyqtgraph.PlotDataItem(
            name=name, autoDownsample=True, downsampleMethod="peak", clipToView=True, **look
        )
        self._view.addItem(made)
        self.legend.addItem(made, name)
        self.lines.append(made)
        return made

    def set_colours(self, background: str, text: str) -> None:
        """Use these colours for the background, and for axes and legend."""
        self.setBackground(background)
        for axis in self.axes:
            axis.setPen(text)
            axis.setTextPen(text)
        for sample, label in self.legend.items:
            label.setText(label.text, color=text)
            sample.update()
