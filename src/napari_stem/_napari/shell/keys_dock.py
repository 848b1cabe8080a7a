"""The dock that lists the keyboard shortcuts: napari's Help menu takes no entries of plugins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QLabel

from napari_stem._napari.shell.page import Page
from napari_stem._napari.shell.shortcuts import legend

if TYPE_CHECKING:
    from napari.viewer import Viewer


class KeysDock(Page):
    """All keyboard shortcuts with what they do."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__()
        told = QLabel(legend())
        told.setWordWrap(True)  # in a narrow dock
        self.fill(told)
