"""How far the prediction is that runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QProgressBar, QWidget

from napari_stem._napari.shell.page import listen
from napari_stem._napari.shell.progress_text import stage_in_words
from napari_stem._napari.state.session import are_same

if TYPE_CHECKING:
    from napari_stem._napari.state.workspace import Workspace

_LONG_NAME = 16


class RunBar(QProgressBar):
    """Shown while the workspace's prediction runs, whichever dock has started it."""

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        listen(self, workspace.run.events.request, self.refresh)
        listen(self, workspace.run.events.progress, self.refresh)
        listen(self, workspace.events.slide, self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show stage and share, with the name of the slide where another one is shown."""
        request, progress = self._workspace.run.request, self._workspace.run.progress
        self.setVisible(request is not None)
        if request is None or progress is None:
            self.setRange(0, 0)  # 0 of 0 is shown as "busy"
            return
        self.setRange(0, progress.total)
        self.setValue(progress.done)
        what = stage_in_words(progress.stage)
        if not are_same(request.slide, self._workspace.slide):
            what = f"{_short(request.slide.name)}: {what}"
        self.setFormat(f"{what} %p %" if progress.total else f"{what}…")


def _short(name: str) -> str:
    return name if len(name) <= _LONG_NAME else f"{name[: _LONG_NAME - 1]}…"
