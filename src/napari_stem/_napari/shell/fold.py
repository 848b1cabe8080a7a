"""Controls that are folded away below one line, until a click on it unfolds them."""

from __future__ import annotations

from qtpy.QtCore import QSize
from qtpy.QtWidgets import QSizePolicy, QWidget
from superqt import QCollapsible

_ARROWS = {False: "▸", True: "▾"}


class Fold(QCollapsible):
    """A line with an arrow, and what it unfolds.

    The arrow is text: superqt paints its icons once, in a colour that few themes show and too
    coarsely for fine screens.

    Parameters
    ----------
    content
        What a click unfolds; Tab skips it while it is folded.
    """

    def __init__(self, title: str, tip: str, content: QWidget) -> None:
        super().__init__(expandedIcon=" ", collapsedIcon=" ")  # PySide takes no empty QIcon
        self.setDuration(0)
        self.layout().setContentsMargins(0, 0, 0, 0)
        line = self.toggleButton()
        line.setToolTip(tip)
        line.setIconSize(QSize(0, 0))
        line.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.addWidget(content)
        content.setVisible(False)
        self.toggled.connect(content.setVisible)
        self.toggled.connect(self._turn_arrow)
        self.setText(title)

    def text(self) -> str:
        """The title, without the arrow."""
        return self._title

    def setText(self, title: str) -> None:
        """Change the title."""
        self._title = title
        self._turn_arrow()

    def _turn_arrow(self) -> None:
        self.toggleButton().setText(f"{_ARROWS[self.isExpanded()]} {self._title}")
