"""Edits of clusters, which can be undone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QObject
from qtpy.QtGui import QUndoCommand, QUndoStack

if TYPE_CHECKING:
    from napari_stem._napari.state.workspace import Workspace
    from napari_stem.analysis.labels import Clusters


class ClusterEdits(QObject):
    """Changes the workspace's clusters and remembers what was; another prediction forgets it."""

    def __init__(self, workspace: Workspace, parent: QObject) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._of = workspace.result
        self.stack = QUndoStack(self)
        workspace.events.result.connect(self._forget)
        workspace.events.clusters.connect(self._forget)

    def do(self, what: str, edited: Clusters) -> None:
        """Show edited clusters; `what` completes "Undo" in a menu."""
        self.stack.push(_Edit(what, self._workspace, edited))

    def _forget(self) -> None:
        work = self._workspace
        if work.clusters is None:
            self.stack.clear()
        if work.result is None:
            return  # perhaps between two statistics
        if self._of is None or not work.result.continues(self._of):
            self.stack.clear()
        self._of = work.result


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
