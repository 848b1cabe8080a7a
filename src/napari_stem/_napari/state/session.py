"""What is known of one slide, kept while another one is shown."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from napari_stem._napari.state.cluster_edits import ClusterEdits
from napari_stem._napari.state.cluster_view import ClusterView

if TYPE_CHECKING:
    from anndata import AnnData

    from napari_stem._napari.state.result import Result
    from napari_stem.analysis.labels import Clusters
    from napari_stem.slides.slide import Slide


@dataclass(frozen=True, slots=True, eq=False)
class Restriction:
    """Spots inside of a region, and those that come back, with what was known of them."""

    whole: AnnData
    part: AnnData
    result: Result | None = None
    clusters: Clusters | None = None
    cluster_view: ClusterView = field(default_factory=ClusterView)


@dataclass(frozen=True, slots=True, eq=False)
class Session:
    """A slide with its spots, its result, and what of it is looked at.

    Its fields are those of the workspace that change with the slide.
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

    def with_result(self, result: Result, clusters: Clusters | None) -> Session:
        """The same with a new result; gene and statistic stay where it has them.

        While draws arrive there is the mean alone; the statistic comes back with the whole.
        """
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

    def without_result(self) -> Session:
        """The same before anything was predicted."""
        return replace(
            self, result=None, clusters=None, cluster_view=ClusterView(), edits=ClusterEdits()
        )


def are_same(one: Slide | None, other: Slide | None) -> bool:
    """Whether two slides have the same content, whatever their scale and file."""
    return one is not None and other is not None and one.fingerprint == other.fingerprint
