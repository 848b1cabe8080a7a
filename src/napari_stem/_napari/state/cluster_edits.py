"""The history of manual edits of clusters, or of groups of spots, for undo and redo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from napari_stem._napari.state.cluster_view import ClusterView
    from napari_stem.analysis.labels import Clusters


class Seen(NamedTuple):
    """Clusters, and which of them are hidden or selected."""

    clusters: Clusters
    view: ClusterView


@dataclass(frozen=True, slots=True, eq=False)
class ClusterEdit:
    """Clusters before and after an edit; `what` names it in "Undo: merge"."""

    what: str
    before: Seen
    after: Seen


@dataclass(frozen=True, slots=True, eq=False)
class ClusterEdits:
    """Edits with the latest last, and undone edits with the next to redo last."""

    done: tuple[ClusterEdit, ...] = ()
    undone: tuple[ClusterEdit, ...] = ()

    @property
    def next_undo(self) -> str:
        """Name of the edit that undo would undo; "" if there is none."""
        return self.done[-1].what if self.done else ""

    @property
    def next_redo(self) -> str:
        """Name of the edit that redo would repeat; "" if there is none."""
        return self.undone[-1].what if self.undone else ""

    def doing(self, edit: ClusterEdit) -> ClusterEdits:
        """The history with one more edit; undone edits are dropped."""
        return ClusterEdits((*self.done, edit))

    def undoing(self) -> ClusterEdits:
        """The history after undoing the latest edit."""
        return ClusterEdits(self.done[:-1], (*self.undone, self.done[-1]))

    def redoing(self) -> ClusterEdits:
        """The history after redoing the edit that was undone last."""
        return ClusterEdits((*self.done, self.undone[-1]), self.undone[:-1])

    def are_of(self, clusters: Clusters | None) -> bool:
        """Whether undo or redo of these edits leads to these clusters."""
        edits = (*self.done, *self.undone)
        return any(clusters in (edit.before.clusters, edit.after.clusters) for edit in edits)
