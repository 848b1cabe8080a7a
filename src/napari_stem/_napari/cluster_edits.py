"""Edits of clusters, which can be undone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QObject
from qtpy.QtGui import QUndoCommand, QUndoStack

if TYPE_CHECKING:
    from napari_stem._napari.workspace import Workspace
    from napari_stem.clusters import Clusters


class ClusterEdits(QObject):
    """Changes the workspace's clusters and remembers what was; another result forgets it."""

    def __init__(self, workspace: Workspace, parent: QObject) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._of = workspace.result and workspace.result.prediction
        self.stack = QUndoStack(self)
        workspace.events.result.connect(self._forget)

    def do(self, what: str, edited: Clusters) -> None:
        """Show edited clusters; `what` completes "Undo" in a menu."""
        self.stack.push(_Edit(what, self._workspace, edited))

    def _forget(self) -> None:
        result = self._workspace.result
        prediction = result and result.prediction
        if prediction is not self._of:
            self._of = prediction
            self.stack.clear()


class _Edit(QUndoCommand):
    """Clusters before and after."""

    def __init__(self, what: str, workspace: Workspace, edited: Clusters) -> None:
        super().__init__(what)
        self._workspace = workspace
        self._before, self._after = workspace.clusters, edited

    def redo(self) -> None:
        self._workspace.take_clusters(self._after)

    def undo(self) -> None:
        assert self._before is not None  # there was something to edit
        self._workspace.take_clusters(self._before)
