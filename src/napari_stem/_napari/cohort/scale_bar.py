"""The colours of the thumbnails with the values at their ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtGui import QImage, QPainter, QPaintEvent
from qtpy.QtWidgets import QGridLayout, QLabel, QSizePolicy, QWidget

if TYPE_CHECKING:
    from napari_stem.cohort.overview import Look

_HEIGHT = 10  # pixels


class ScaleBar(QWidget):
    """What is shown, and from which value to which the colours go, the same for all slides."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title, self.low, self.high = QLabel(), QLabel(), QLabel()
        self._strip = _Strip()
        self.title.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setVerticalSpacing(2)
        grid.setColumnStretch(1, 1)
        grid.addWidget(self.title, 0, 0, 1, 3)
        for column, part in enumerate((self.low, self._strip, self.high)):
            grid.addWidget(part, 1, column)
        self.setToolTip(
            "One scale for all slides: 98 % of all values lie between these limits. Values outside "
            "have the colours of the ends."
        )
        self.hide()

    def show_look(self, look: Look | None) -> None:
        """Show the scale of a look; nothing where no slide has values."""
        self.setVisible(look is not None and look.limits is not None)
        if look is None or look.limits is None:
            return
        self._strip.fill()
        shown = f"{look.choice.title} ({look.unit})" if look.unit else look.choice.title
        self.title.setText(shown)
        self.title.setToolTip(shown)  # which may be cut off
        self.low.setText(f"{look.limits[0]:.3g}")
        self.high.setText(f"{look.limits[1]:.3g}")


class _Strip(QWidget):
    """The colours from the lower limit to the upper one."""

    def __init__(self) -> None:
        super().__init__()
        self._image = QImage()
        self.setFixedHeight(_HEIGHT)

    def fill(self) -> None:
        """Take the colours, from a module that takes long to import for the first time."""
        from napari_stem.cohort.thumbnails import colour_strip

        pixels = colour_strip()
        _, width, _ = pixels.shape
        stride, kind = 3 * width, QImage.Format.Format_RGB888
        self._image = QImage(pixels.tobytes(), width, 1, stride, kind).copy()
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.drawImage(self.rect(), self._image)
        painter.end()
