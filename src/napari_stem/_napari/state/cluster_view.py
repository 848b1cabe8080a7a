"""Which clusters are hidden, and which are selected."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class ClusterView:
    """Numbers of hidden clusters and of selected ones, which are highlighted."""

    hidden: frozenset[int] = frozenset()
    selected: frozenset[int] = frozenset()

    def hiding(self, numbers: Iterable[int]) -> ClusterView:
        """The same view with these clusters hidden."""
        return replace(self, hidden=frozenset(numbers))

    def selecting(self, numbers: Iterable[int]) -> ClusterView:
        """The same view with these clusters selected."""
        return replace(self, selected=frozenset(numbers))

    def merged(self, numbers: Collection[int]) -> ClusterView:
        """The view after `Clusters.merged` of these numbers; the merged cluster is selected."""
        first, gone = min(numbers), set(numbers) - {min(numbers)}

        def new(number: int) -> int:
            return number - sum(other < number for other in gone)

        hidden = frozenset(new(number) for number in self.hidden - gone)
        return ClusterView(hidden, frozenset({new(first)}))
