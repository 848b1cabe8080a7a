"""A result of a slide with its name and all that was made of it by hand."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from napari_stem._napari.state.cluster_edits import ClusterEdits
from napari_stem._napari.state.cluster_view import ClusterView
from napari_stem.analysis.groups import keep_groups

if TYPE_CHECKING:
    from collections.abc import Collection

    from anndata import AnnData

    from napari_stem._napari.state.request import PredictRequest
    from napari_stem._napari.state.result import Result
    from napari_stem.analysis.labels import Clusters

PREDICTION = "Prediction"  # the name of one that was neither predicted here nor read from a file


class Saved(NamedTuple):
    """What a file holds: a complete prediction, its clusters and its groups."""

    result: Result
    clusters: Clusters | None
    groups: Clusters | None = None


@dataclass(frozen=True, slots=True, eq=False)
class KeptResult:
    """A result by its name, with clusters, their edits and the view of it.

    Attributes
    ----------
    groups
        Those that the user has made; None before the first.
    wanted
        The statistic to show when its prediction is complete.
    saved
        What was exported last, or opened; None if nothing was.
    """

    name: str
    result: Result
    edits: ClusterEdits = field(default_factory=ClusterEdits)
    cluster_view: ClusterView = field(default_factory=ClusterView)
    clusters: Clusters | None = None
    groups: Clusters | None = None
    group_edits: ClusterEdits = field(default_factory=ClusterEdits)
    gene: str = ""
    statistic: str = "mean"
    wanted: str = ""
    saved: Saved | None = None

    @property
    def request(self) -> PredictRequest | None:
        """Input and settings; None if it was opened."""
        return self.result.request

    @property
    def spots(self) -> AnnData:
        """The spots that it was predicted at."""
        return self.request.spots if self.request is not None else self.result.spots

    @property
    def whole(self) -> AnnData | None:
        """All spots, if its own are those of a region."""
        return self.request.whole if self.request is not None else None

    @property
    def is_saved(self) -> bool:
        """Whether a file holds its draws, its present clusters and its present groups."""
        saved = self.saved
        if saved is None or not self.result.has_draws_of(saved.result):
            return False
        return self.clusters is saved.clusters and self.groups is saved.groups

    @property
    def content(self) -> Saved:
        """What a file that is written now holds."""
        return Saved(self.result, self.clusters, self.groups)

    def grown(self, result: Result) -> KeptResult:
        """The same with more draws or more statistics; clusters and groups stay.

        Gene and statistic stay if the result has them. While a prediction runs it has only the
        mean; the chosen statistic returns at its end.
        """
        keep_marks(result, self.clusters, self.groups)
        wanted = self.wanted or self.statistic
        waits = result.prediction is None and wanted not in result.values
        return replace(
            self,
            result=result,
            gene=self.gene if self.gene in result.genes else result.genes[0],
            statistic=wanted if wanted in result.values else "mean",
            wanted=wanted if waits else "",
        )


def keep_marks(result: Result, clusters: Clusters | None, groups: Clusters | None) -> None:
    """Write clusters and groups into the prediction of a result, if it is complete."""
    if result.prediction is None:
        return
    if clusters is not None:
        clusters.keep_in(result.prediction)
    if groups is not None:
        keep_groups(groups, result.prediction)


def distinct(name: str, others: Collection[str]) -> str:
    """The name, with a number if another one has it."""
    number, found = 1, name
    while found in others:
        number += 1
        found = f"{name} {number}"
    return found
