"""How clusters are looked at: which are hidden, and which singled out."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class ClusterView:
    """Numbers of the clusters that are not shown, and of those that are singled out."""

    hidden: frozenset[int] = frozenset()
    selected: frozenset[int] = frozenset()

    def hiding(self, numbers: Iterable[int]) -> ClusterView:
        """The same, with these not shown."""
        return replace(self, hidden=frozenset(numbers))

    def selecting(self, numbers: Iterable[int]) -> ClusterView:
        """The same, with these singled out."""
        return replace(self, selected=frozenset(numbers))

    def merged(self, numbers: Collection[int]) -> ClusterView:
        """The view of what `Clusters.merged` gives: the one of several is singled out."""
        first, gone = min(numbers), set(numbers) - {min(numbers)}

        def new(number: int) -> int:
            return number - sum(other < number for other in gone)

        hidden = frozenset(new(number) for number in self.hidden - gone)
        return ClusterView(hidden, frozenset({new(first)}))
