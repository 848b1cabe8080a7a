"""What is shown of a slide: its spots, one of its results, clusters and view, with events."""

from __future__ import annotations

import operator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from psygnal import SignalGroupDescriptor

from napari_stem._napari.state.cluster_edits import ClusterEdit, ClusterEdits, Seen
from napari_stem._napari.state.cluster_view import ClusterView
from napari_stem._napari.state.comparison import Cell, Comparison
from napari_stem._napari.state.kept_result import KeptResult, keep_marks
from napari_stem.analysis.groups import no_groups

if TYPE_CHECKING:
    import numpy as np
    from anndata import AnnData
    from numpy.typing import NDArray

    from napari_stem._napari.state.result import Result
    from napari_stem.analysis.labels import Clusters
    from napari_stem.slides.slide import Slide

_ALL_SHOWN = ClusterView()


@dataclass(eq=False)
class Display:
    """The slide that is shown, and how.

    `events` has one signal per field. Gene and statistic are always ones that the result has.
    The first fields are those of a `Session`.
    """

    slide: Slide | None = None
    spots: AnnData | None = None
    whole: AnnData | None = None
    results: tuple[KeptResult, ...] = ()
    shown: int = -1
    gene: str = ""
    statistic: str = "mean"
    wanted: str = ""  # the statistic to show when the running prediction is complete
    result: Result | None = None
    edits: ClusterEdits = field(default_factory=ClusterEdits)
    cluster_view: ClusterView = field(default_factory=ClusterView)
    clusters: Clusters | None = None
    group_edits: ClusterEdits = field(default_factory=ClusterEdits)
    groups: Clusters | None = None  # of spots, made by the user
    colormap: str = "viridis"
    opacity: float = 0.8
    shared_contrast: bool = False
    comparison: Comparison = field(default_factory=Comparison)
    compared: tuple[Cell, ...] = ()  # side by side
    column: str = ""  # of the spots, shown instead of the result
    selected_spots: NDArray[np.bool_] | None = None  # (n,) of the result; None for none

    events: ClassVar[SignalGroupDescriptor] = SignalGroupDescriptor()
    # Tables and arrays have no truth value when compared.
    __eq_operators__: ClassVar = dict.fromkeys(
        (
            "slides", "slide", "spots", "whole", "results", "checkpoint", "result", "edits",
            "clusters", "group_edits", "groups", "selected_spots",
        ),
        operator.is_,
    )  # fmt: skip

    def _listen(self) -> None:
        """Keep the fields consistent, before any dock hears of a change."""
        self.events.clusters.connect(self._forget_edits)
        for name in ("slide", "spots"):
            self.events[name].connect(self.end_comparison)
        self.events.result.connect(self._forget_selection)
        for name in ("results", "result", "gene", "statistic"):
            self.events[name].connect(self._compare_on)
        for name in ("clusters", "cluster_view"):
            self.events[name].connect(self._show_clusters_alone)

    def look_at(self, gene: str) -> None:
        """Show the heatmap of a gene, also while the clusters are shown."""
        if self.gene == gene:
            self.events.gene.emit(gene)
        else:
            self.gene = gene

    def show(self, result: Result, statistic: str) -> None:
        """Show a statistic of a result that has it: the present one, perhaps with more of them."""
        keep_marks(result, self.clusters, self.groups)  # edited, perhaps, while it was computed
        self._replace_result(result, statistic)
        self.events.statistic.emit(statistic)  # also if unchanged: clusters may be shown

    def _replace_result(self, result: Result, statistic: str) -> None:
        # The former result may lack this gene or statistic; `result` announces the new ones.
        with self.events.gene.paused(), self.events.statistic.blocked():
            self.gene = self.gene if self.gene in result.genes else result.genes[0]
            self.statistic = statistic
            self.result = result

    def take_clusters(self, clusters: Clusters, view: ClusterView = _ALL_SHOWN) -> None:
        """Show clusters of the result; a complete prediction stores them for its exports."""
        assert self.result is not None
        if self.result.prediction is not None:
            clusters.keep_in(self.result.prediction)
        if clusters is self.clusters:
            self.cluster_view = view
            return
        with self.events.cluster_view.blocked():  # the former clusters lack these numbers
            self.cluster_view = view
        self.clusters = clusters

    def edit_clusters(self, what: str, clusters: Clusters, view: ClusterView) -> None:
        """Show edited clusters; `what` names the edit in "Undo: merge"."""
        assert self.clusters is not None
        before, after = Seen(self.clusters, self.cluster_view), Seen(clusters, view)
        self.edits = self.edits.doing(ClusterEdit(what, before, after))
        self.take_clusters(*after)

    def undo(self) -> None:
        """Undo the latest edit of clusters, if there is one."""
        if self.edits.done:
            self.edits = self.edits.undoing()
            self.take_clusters(*self.edits.undone[-1].before)

    def redo(self) -> None:
        """Redo the edit that was undone last, if there is one."""
        if self.edits.undone:
            self.edits = self.edits.redoing()
            self.take_clusters(*self.edits.done[-1].after)

    def select_spots(self, spots: NDArray[np.bool_]) -> None:
        """Highlight spots (n,) of the result on the slide and in plots; none ends that."""
        self.selected_spots = spots if spots.any() else None

    def _forget_selection(self, result: Result | None, former: Result | None) -> None:
        if result is None or former is None or not result.continues(former):
            self.selected_spots = None

    def edit_groups(self, what: str, groups: Clusters) -> None:
        """Show edited groups of spots; `what` names the edit in "Undo: new group"."""
        assert self.result is not None
        before = no_groups(self.result.spots.n_obs) if self.groups is None else self.groups
        edit = ClusterEdit(what, Seen(before, _ALL_SHOWN), Seen(groups, _ALL_SHOWN))
        self.group_edits = self.group_edits.doing(edit)
        self._take_groups(groups)

    def undo_groups(self) -> None:
        """Undo the latest edit of groups, if there is one."""
        if self.group_edits.done:
            self.group_edits = self.group_edits.undoing()
            self._take_groups(self.group_edits.undone[-1].before.clusters)

    def redo_groups(self) -> None:
        """Redo the edit of groups that was undone last, if there is one."""
        if self.group_edits.undone:
            self.group_edits = self.group_edits.redoing()
            self._take_groups(self.group_edits.done[-1].after.clusters)

    def _take_groups(self, groups: Clusters) -> None:
        assert self.result is not None
        keep_marks(self.result, None, groups)
        self.groups = groups

    def _forget_edits(self, clusters: Clusters | None) -> None:
        """Drop the history of edits if it does not belong to these clusters."""
        if clusters is None:
            self.cluster_view = ClusterView()
        if not self.edits.are_of(clusters):
            self.edits = ClusterEdits()

    def _show_clusters_alone(self) -> None:
        if self.clusters is not None:
            self.end_comparison()

    def compare(self, comparison: Comparison) -> None:
        """Compare side by side; the cells follow the shown gene and the draws of results.

        It ends if the shown result lacks a compared gene; others may lack it.
        """
        cells = () if self.result is None else self._cells(comparison, self.result)
        if comparison.kind != "results" and not all(cell.is_there for cell in cells):
            cells = ()
        self.comparison, self.compared = (comparison if cells else Comparison()), cells

    def _cells(self, comparison: Comparison, shown: Result) -> tuple[Cell, ...]:
        named = [
            (kept.name, shown if row == self.shown else kept.result)
            for row, kept in enumerate(self.results)
        ]
        return comparison.cells(self.gene, self.statistic, shown, named)

    def end_comparison(self) -> None:
        """Show one heatmap again."""
        self.compare(Comparison())

    def _compare_on(self) -> None:
        if self.comparison.kind:
            self.compare(self.comparison)

    def colour(self, colormap: str, opacity: float, *, shared_contrast: bool) -> None:
        """Colour heatmaps; with `shared_contrast`, all genes have the same range."""
        self.colormap, self.opacity, self.shared_contrast = colormap, opacity, shared_contrast
