"""The state of one slide, kept while another slide is shown."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from napari_stem._napari.state.cluster_edits import ClusterEdits
from napari_stem._napari.state.cluster_view import ClusterView

if TYPE_CHECKING:
    from collections.abc import Iterable

    from anndata import AnnData

    from napari_stem._napari.state.result import Result
    from napari_stem.analysis.labels import Clusters
    from napari_stem.slides.slide import Slide


@dataclass(frozen=True, slots=True, eq=False)
class Restriction:
    """The spots kept in a region, and all spots with their result, to be restored later."""

    whole: AnnData
    part: AnnData
    result: Result | None = None
    clusters: Clusters | None = None
    cluster_view: ClusterView = field(default_factory=ClusterView)


@dataclass(frozen=True, slots=True, eq=False)
class Session:
    """A slide with its spots, its result and its view.

    Its fields are the fields of the workspace that change with the slide.
    """

    slide: Slide | None = None
    spots: AnnData | None = None
    restriction: Restriction | None = None
    result: Result | None = None
    edits: ClusterEdits = field(default_factory=ClusterEdits)
    cluster_view: ClusterView = field(default_factory=ClusterView)
    clusters: Clusters | None = None
    gene: str = ""
    statistic: str = "mean"
    wanted: str = ""

    def with_result(self, result: Result) -> Session:
        """The session with a new result; gene and statistic stay if the result has them.

        While a prediction runs it has only the mean; the chosen statistic returns at its end.
        Clusters stay if it continues the result that they were found in.
        """
        clusters = self._carried(result)
        wanted = self.wanted or self.statistic
        waits = result.prediction is None and wanted not in result.values
        return replace(
            self,
            result=result,
            clusters=clusters,
            cluster_view=ClusterView() if clusters is None else self.cluster_view,
            edits=ClusterEdits() if clusters is None else self.edits,
            gene=self.gene if self.gene in result.genes else result.genes[0],
            statistic=wanted if wanted in result.values else "mean",
            wanted=wanted if waits else "",
        )

    def _carried(self, result: Result) -> Clusters | None:
        if self.clusters is None or self.result is None or not result.continues(self.result):
            return None
        if result.prediction is not None:
            self.clusters.keep_in(result.prediction)
        return self.clusters

    def without_result(self) -> Session:
        """The session without its result and its clusters."""
        return replace(
            self, result=None, clusters=None, cluster_view=ClusterView(), edits=ClusterEdits()
        )


def are_same(one: Slide | None, other: Slide | None) -> bool:
    """Whether two slides have the same content, whatever their scale and file."""
    return one is not None and other is not None and one.fingerprint == other.fingerprint


def distinct_name(slide: Slide, slides: Iterable[Slide]) -> str:
    """The name of a slide, after its folder if another of the slides has the same name."""
    others = (other for other in slides if not are_same(slide, other))
    if slide.path is None or all(other.name != slide.name for other in others):
        return slide.name
    return f"{slide.path.parent.name}/{slide.name}"
