"""What was done to clusters by hand, so that it can be undone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from napari_stem._napari.state.cluster_view import ClusterView
    from napari_stem.analysis.labels import Clusters


class Seen(NamedTuple):
    """Clusters and how they are looked at."""

    clusters: Clusters
    view: ClusterView


@dataclass(frozen=True, slots=True, eq=False)
class ClusterEdit:
    """Clusters before and after; `what` completes "Undo" for people."""

    what: str
    before: Seen
    after: Seen


@dataclass(frozen=True, slots=True, eq=False)
class ClusterEdits:
    """Edits, the latest last, and those that were undone, the next to redo last."""

    done: tuple[ClusterEdit, ...] = ()
    undone: tuple[ClusterEdit, ...] = ()

    @property
    def next_undo(self) -> str:
        """What would be undone; "" where there is nothing."""
        return self.done[-1].what if self.done else ""

    @property
    def next_redo(self) -> str:
        """What would be redone; "" where there is nothing."""
        return self.undone[-1].what if self.undone else ""

    def doing(self, edit: ClusterEdit) -> ClusterEdits:
        """With one edit more; what was undone before cannot be redone any more."""
        return ClusterEdits((*self.done, edit))

    def undoing(self) -> ClusterEdits:
        """With the latest edit undone."""
        return ClusterEdits(self.done[:-1], (*self.undone, self.done[-1]))

    def redoing(self) -> ClusterEdits:
        """With the edit done again that was undone last."""
        return ClusterEdits((*self.done, self.undone[-1]), self.undone[:-1])

    def are_of(self, clusters: Clusters | None) -> bool:
        """Whether they have led, or could lead, to these clusters."""
        edits = (*self.done, *self.undone)
        return any(clusters in (edit.before.clusters, edit.after.clusters) for edit in edits)
