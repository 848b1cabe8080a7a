"""Offers the spots and counts that lie beside the slide."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QPushButton, QSizePolicy

from napari_stem._napari.predict import tasks
from napari_stem._napari.shell.page import listen
from napari_stem._napari.shell.worker import start

if TYPE_CHECKING:
    from pathlib import Path

    from napari_stem._napari.state.workspace import Workspace
    from napari_stem.slides.slide import Slide


class BesideButton(QPushButton):
    """Shown while a slide has no spots, and some lie beside its file."""

    wanted = Signal(object)  # their path

    def __init__(self, workspace: Workspace) -> None:
        super().__init__("Load spots beside the slide")
        self._workspace = workspace
        self._found: Path | None = None
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.clicked.connect(lambda: self.wanted.emit(self._found))
        listen(self, workspace.events.slide, self._look)
        listen(self, workspace.events.spots, self._offer)
        self._look(workspace.slide)

    def _look(self, slide: Slide | None) -> None:
        self._found = None
        if slide is not None and slide.path is not None:
            start(tasks.spots_beside(slide.path), self).result.connect(partial(self._take, slide))
        self._offer()

    def _take(self, slide: Slide, found: Path | None) -> None:
        if slide is self._workspace.slide:
            self._found = found
            self._offer()

    def _offer(self) -> None:
        self.setVisible(self._found is not None and self._workspace.spots is None)
        self.setToolTip(f"Spots and counts were found: {self._found}")
