"""A preview of a section's spots on its slide, to check their alignment at a glance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from napari.utils.colormaps import ensure_colormap
from qtpy.QtCore import QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QBrush, QColor, QImage, QPainter, QPaintEvent
from qtpy.QtWidgets import QSizePolicy, QWidget

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_stem.training.preflight import SectionCheck

_OPACITY = 190  # of 255
_ENDS = (1, 99)  # percentiles of the counts at the ends of the colour map
_SMALLEST = 1.5  # radius of a spot in screen pixels


class AlignmentPreview(QWidget):
    """A thumbnail of the slide with its spots, coloured by their total counts."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._text = ""
        self._image = QImage()
        self._centres = np.empty((0, 2))  # in pixels of the thumbnail, like the radius
        self._radius = 0.0
        self._brushes: list[QBrush] = []
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setToolTip(
            "Check that the spots lie on the tissue. Colour: total counts per spot, from few "
            "(dark) to many (bright)."
        )

    def show_section(self, check: SectionCheck | None, text: str = "") -> None:
        """Show a section, or a text if there is none that can be shown."""
        self._text, self._image = text, QImage()
        if check is not None and check.overview is not None and check.counts is not None:
            self._image = _image(check.overview)
            self._place(check)
            self._colour(check.counts)
        self.update()

    def sizeHint(self) -> QSize:
        """A useful size; the preview grows with the dialog."""
        return QSize(300, 240)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the thumbnail as large as possible, and the spots at their true size."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self._image.isNull():
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self.rect().adjusted(20, 0, -20, 0), int(flags), self._text)
            return
        scale = min(self.width() / self._image.width(), self.height() / self._image.height())
        width, height = self._image.width() * scale, self._image.height() * scale
        left, top = (self.width() - width) / 2, (self.height() - height) / 2
        painter.drawImage(QRectF(left, top, width, height), self._image)
        painter.setPen(Qt.PenStyle.NoPen)
        radius = max(_SMALLEST, self._radius * scale)
        for (x, y), brush in zip(self._centres * scale, self._brushes, strict=True):
            painter.setBrush(brush)
            painter.drawEllipse(QPointF(left + x, top + y), radius, radius)

    def _place(self, check: SectionCheck) -> None:
        from napari_stem.spots.table import positions, spot_diameter

        self._centres = positions(check.spots) / check.downsample
        self._radius = spot_diameter(check.spots) / check.downsample / 2

    def _colour(self, counts: NDArray[np.float64]) -> None:
        low, high = np.percentile(counts, _ENDS)
        rgba = ensure_colormap("viridis").map((counts - low) / max(high - low, 1)) * 255
        self._brushes = [QBrush(QColor(*map(int, rgb), _OPACITY)) for rgb in rgba[:, :3]]


def _image(pixels: NDArray[np.uint8]) -> QImage:
    height, width = pixels.shape[:2]
    data = np.ascontiguousarray(pixels).tobytes()
    return QImage(data, width, height, 3 * width, QImage.Format.Format_RGB888).copy()
