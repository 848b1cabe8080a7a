"""A section's spots over its tissue, to see at a glance that they belong together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from napari.utils.colormaps import ensure_colormap
from qtpy.QtCore import QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QBrush, QColor, QImage, QPainter, QPaintEvent
from qtpy.QtWidgets import QSizePolicy, QWidget

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_stem.training.preflight import Picture

_OPACITY = 190  # of 255


class AlignmentPreview(QWidget):
    """A thumbnail with the spots in viridis by their total counts, dark for few."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._picture: Picture | None = None
        self._words = ""
        self._image = QImage()
        self._brushes: list[QBrush] = []
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setToolTip("Do the spots lie on the tissue? Colour: counts of a spot, dark for few.")

    def show_picture(self, picture: Picture | None, words: str = "") -> None:
        """Show a section, or words instead."""
        self._picture, self._words = picture, words
        if picture is not None:
            self._image = _image(picture.image)
            rgba = ensure_colormap("viridis").map(picture.shade) * 255
            self._brushes = [QBrush(QColor(*map(int, rgb), _OPACITY)) for rgb in rgba[:, :3]]
        self.update()

    def sizeHint(self) -> QSize:
        """As much as is left."""
        return QSize(300, 240)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the thumbnail as large as it fits, and the spots at their size."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self._picture is None:
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self.rect().adjusted(20, 0, -20, 0), int(flags), self._words)
            return
        scale = min(self.width() / self._image.width(), self.height() / self._image.height())
        width, height = self._image.width() * scale, self._image.height() * scale
        left, top = (self.width() - width) / 2, (self.height() - height) / 2
        painter.drawImage(QRectF(left, top, width, height), self._image)
        painter.setPen(Qt.PenStyle.NoPen)
        radius = max(1.5, self._picture.diameter * scale / 2)
        for (x, y), brush in zip(self._picture.xy * scale, self._brushes, strict=True):
            painter.setBrush(brush)
            painter.drawEllipse(QPointF(left + x, top + y), radius, radius)


def _image(pixels: NDArray[np.uint8]) -> QImage:
    height, width = pixels.shape[:2]
    data = np.ascontiguousarray(pixels).tobytes()
    return QImage(data, width, height, 3 * width, QImage.Format.Format_RGB888).copy()
