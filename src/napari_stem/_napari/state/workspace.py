"""State that the docks of a viewer share: docks change it and listen to it, not to each other."""

from __future__ import annotations

import operator
from contextlib import ExitStack
from dataclasses import InitVar, dataclass, field, fields, replace
from typing import TYPE_CHECKING, ClassVar

from psygnal import Signal, SignalGroupDescriptor

from napari_stem._napari.state.cluster_edits import ClusterEdit, ClusterEdits, Seen
from napari_stem._napari.state.cluster_view import ClusterView
from napari_stem._napari.state.comparison import Comparison
from napari_stem._napari.state.grid_choice import GridChoice
from napari_stem._napari.state.run import PredictionRun, StartJob, work_here
from napari_stem._napari.state.session import Restriction, Session, are_same, distinct_name
from napari_stem.features.compute import Compute
from napari_stem.prediction.options import PredictOptions

if TYPE_CHECKING:
    from pathlib import Path

    from anndata import AnnData

    from napari_stem._napari.state.checkpoint import ChosenCheckpoint
    from napari_stem._napari.state.point import Point
    from napari_stem._napari.state.result import Result
    from napari_stem.analysis.labels import Clusters
    from napari_stem.sections.section import Section
    from napari_stem.slides.slide import Slide

_ALL_SHOWN = ClusterView()


@dataclass(eq=False)
class Workspace:
    """The open slides, with spots, result and view of the slide that is shown.

    `events` has one signal per field. Gene and statistic are always ones that the result has.
    The state of the other slides is in their sessions. `run` is the running prediction.
    """

    slides: tuple[Slide, ...] = ()
    slide: Slide | None = None
    spots: AnnData | None = None
    restriction: Restriction | None = None
    checkpoint: ChosenCheckpoint | None = None
    options: PredictOptions = field(default_factory=PredictOptions)
    compute: Compute = field(default_factory=Compute)
    grid: GridChoice = field(default_factory=GridChoice)
    result: Result | None = None
    edits: ClusterEdits = field(default_factory=ClusterEdits)
    cluster_view: ClusterView = field(default_factory=ClusterView)
    clusters: Clusters | None = None
    gene: str = ""
    statistic: str = "mean"
    wanted: str = ""  # the statistic to show when the running prediction is complete
    colormap: str = "viridis"
    opacity: float = 0.8
    shared_contrast: bool = False
    comparison: Comparison = field(default_factory=Comparison)
    compared: tuple[tuple[str, str], ...] = ()  # genes and statistics, side by side
    installed: Path | None = None  # the latest checkpoint that training installed
    points: tuple[Point, ...] = ()  # inspected points of all slides
    tool: str = ""  # the active mouse tool of this plugin
    start_job: InitVar[StartJob] = work_here

    events: ClassVar[SignalGroupDescriptor] = SignalGroupDescriptor()
    # Tables and arrays have no truth value when compared.
    __eq_operators__: ClassVar = dict.fromkeys(
        ("slides", "slide", "spots", "restriction", "checkpoint", "result", "edits", "clusters"),
        operator.is_,
    )
    leaving = Signal()  # before another slide is shown
    returned = Signal()  # after another slide is shown, with its spots and result

    def __post_init__(self, start_job: StartJob) -> None:
        self._sessions: dict[str, Session] = {}  # of the slides that are not shown
        self.run = PredictionRun(start_job=start_job)
        self.run.drawn.connect(self.take_result)
        self._listen()

    def _listen(self) -> None:
        """Keep the fields consistent, before any dock hears of a change."""
        for name in ("slides", "slide"):
            self.events[name].connect(self._let_go)
        self.events.clusters.connect(self._forget_edits)
        for name in ("slide", "spots"):
            self.events[name].connect(self.end_comparison)
        for name in ("result", "gene", "statistic"):
            self.events[name].connect(self._compare_on)
        for name in ("clusters", "cluster_view"):
            self.events[name].connect(self._show_clusters_alone)

    def take_slide(self, slide: Slide) -> None:
        """Open and show a slide; an open one is shown, and takes the new scale if it differs."""
        if any(are_same(slide, other) for other in self.slides):
            self.show_slide(slide)
            self._rescale(slide)
            return
        self.slides = (*self.slides, slide)
        self._show(Session(slide, gene=self.gene, statistic=self.statistic))

    def _rescale(self, slide: Slide) -> None:
        """Replace an open slide by the same slide at another scale; its prediction is dropped."""
        same = next((other for other in self.slides if are_same(slide, other)), None)
        if same is None or slide.mpp in (None, same.mpp):
            return
        self.slides = tuple(slide if other is same else other for other in self.slides)
        if are_same(slide, self.slide):
            self.result = self.clusters = None
            self.slide = slide
        else:
            session = self._sessions[slide.fingerprint]
            session = replace(session.without_result(), slide=slide)
            self._sessions[slide.fingerprint] = session

    def show_slide(self, slide: Slide) -> None:
        """Show an open slide with its spots and its result."""
        if not are_same(slide, self.slide):
            self._show(self._sessions[slide.fingerprint])

    def close_slide(self, slide: Slide) -> None:
        """Close an open slide; another one is shown instead if there is one."""
        others = tuple(other for other in self.slides if not are_same(slide, other))
        if are_same(slide, self.slide):
            self._show(self._sessions[others[-1].fingerprint] if others else Session())
        self._sessions.pop(slide.fingerprint, None)
        self.slides = others

    def _let_go(self) -> None:
        """Drop prediction and points of slides that were closed or took another scale."""
        if self.run.request is not None and self.session_of(self.run.request.slide) is None:
            self.run.abandon()
        self.points = tuple(x for x in self.points if self.session_of(x.slide) is not None)

    def _show(self, session: Session) -> None:
        self.end_comparison()
        self.leaving.emit()
        if self.slide is not None:
            self._sessions[self.slide.fingerprint] = self._session()
        with ExitStack() as paused:  # so that no listener sees the state of two slides mixed
            for part in reversed(fields(session)):  # the slide is announced first
                paused.enter_context(self.events[part.name].paused())
            for part in fields(session):
                setattr(self, part.name, getattr(session, part.name))
        self.returned.emit()

    def _session(self) -> Session:
        return Session(*(getattr(self, part.name) for part in fields(Session)))

    def session_of(self, slide: Slide) -> Session | None:
        """The session of an open slide; None if it is not open, or open at another scale."""
        shown = are_same(slide, self.slide)
        session = self._session() if shown else self._sessions.get(slide.fingerprint)
        if session is None or session.slide is None or session.slide.mpp != slide.mpp:
            return None
        return session

    def name_of(self, slide: Slide) -> str:
        """The name of an open slide that tells it apart from the others."""
        return distinct_name(slide, self.slides)

    @property
    def all_spots(self) -> AnnData | None:
        """All spots, including those outside the region that they are restricted to."""
        within = self.restriction
        return within.whole if within is not None and within.part is self.spots else self.spots

    def take_spots(self, slide: Slide, spots: AnnData, *, whole: AnnData | None = None) -> None:
        """Set the spots of an open slide, shown or not; if they are a part, `whole` has all."""
        if are_same(slide, self.slide):
            self.restriction = None if whole is None else self._restrict(whole, spots)
            self.spots = spots
        elif session := self._sessions.get(slide.fingerprint):
            restriction = None if whole is None else Restriction(whole, spots)
            now = replace(session, spots=spots, restriction=restriction)
            self._sessions[slide.fingerprint] = now

    def take_section(self, section: Section) -> None:
        """Set the spots of a section on an open slide, and the scale that the section states."""
        self._rescale(section.slide)
        self.take_spots(section.slide, section.spots)

    def take_all_spots(self) -> None:
        """Undo the restriction to a region, and restore the result of all spots."""
        within, self.spots = self.restriction, self.all_spots
        if within is None or within.whole is not self.spots or within.result is None:
            return
        if within.result is not self.result:
            self.take_result(within.result)
            if within.clusters is not None:
                self.take_clusters(within.clusters, within.cluster_view)

    def _restrict(self, whole: AnnData, part: AnnData) -> Restriction:
        within, result = self.restriction, self.result
        if within is not None and within.whole is whole and within.part is self.spots:
            return replace(within, part=part)
        if result is None or not result.is_at(whole):
            return Restriction(whole, part)
        return Restriction(whole, part, result, self.clusters, self.cluster_view)

    def take_result(self, result: Result) -> None:
        """Show a new result, or store it if another slide is shown; a closed slide drops it."""
        session = self.session_of(result.slide)
        if session is None:
            return
        session = session.with_result(result)
        if are_same(result.slide, self.slide):
            self.clusters, self.wanted = session.clusters, session.wanted
            self._replace_result(result, session.statistic)
        else:
            self._sessions[result.slide.fingerprint] = session

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

    def _show_clusters_alone(self) -> None:
        if self.clusters is not None:
            self.end_comparison()

    def compare(self, comparison: Comparison) -> None:
        """Compare side by side; the cells follow the shown gene and end if the result lacks one."""
        cells = comparison.cells(self.gene, self.statistic)
        if self.result is None or not self.result.has(cells):
            comparison, cells = Comparison(), ()
        self.comparison, self.compared = comparison, cells

    def end_comparison(self) -> None:
        """Show one heatmap again."""
        self.compare(Comparison())

    def _compare_on(self) -> None:
        if self.comparison.kind:
            self.compare(self.comparison)

    def colour(self, colormap: str, opacity: float, *, shared_contrast: bool) -> None:
        """Colour heatmaps; with `shared_contrast`, all genes have the same range."""
        self.colormap, self.opacity, self.shared_contrast = colormap, opacity, shared_contrast

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

    def _forget_edits(self, clusters: Clusters | None) -> None:
        """Drop the history of edits if it does not belong to these clusters."""
        if clusters is None:
            self.cluster_view = ClusterView()
        if not self.edits.are_of(clusters):
            self.edits = ClusterEdits()

    def look_at(self, gene: str) -> None:
        """Show the heatmap of a gene, also while the clusters are shown."""
        if self.gene == gene:
            self.events.gene.emit(gene)
        else:
            self.gene = gene

    def show(self, result: Result, statistic: str) -> None:
        """Show a statistic of a result that has it: the present one, perhaps with more of them."""
        if self.clusters is not None and result.prediction is not None:
            self.clusters.keep_in(result.prediction)  # edited, perhaps, while it was computed
        self._replace_result(result, statistic)
        self.events.statistic.emit(statistic)  # also if unchanged: clusters may be shown

    def _replace_result(self, result: Result, statistic: str) -> None:
        if not result.has(self.compared):
            self.end_comparison()
        # The former result may lack this gene or statistic; `result` announces the new ones.
        with self.events.gene.paused(), self.events.statistic.blocked():
            self.gene = self.gene if self.gene in result.genes else result.genes[0]
            self.statistic = statistic
            self.result = result
