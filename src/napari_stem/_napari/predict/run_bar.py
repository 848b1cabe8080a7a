"""The progress of the running prediction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QProgressBar, QVBoxLayout, QWidget
from superqt import QElidingLabel

from napari_stem._napari.shell.page import listen
from napari_stem._napari.shell.progress_text import share_done, step_in_words
from napari_stem._napari.state.session import are_same

if TYPE_CHECKING:
    from napari_stem._napari.state.workspace import Workspace


class RunBar(QWidget):
    """Visible while the workspace's prediction runs, whichever dock started it."""

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self.slide_name = QElidingLabel()
        self.progress = QProgressBar()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.slide_name)
        column.addWidget(self.progress)
        listen(self, workspace.run.events.request, self.refresh)
        listen(self, workspace.run.events.progress, self.refresh)
        listen(self, workspace.events.slide, self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show step and total, and the name of the slide if another one is shown."""
        request, progress = self._workspace.run.request, self._workspace.run.progress
        self.setVisible(request is not None)
        if request is None or progress is None:
            self.progress.setRange(0, 0)  # which Qt shows as "busy"
            return
        self.slide_name.setText(self._workspace.name_of(request.slide))
        self.slide_name.setHidden(are_same(request.slide, self._workspace.slide))
        self.progress.setRange(0, 100)
        self.progress.setValue(int(100 * share_done(progress)))
        self.progress.setFormat(f"{step_in_words(progress)}, %p %")
