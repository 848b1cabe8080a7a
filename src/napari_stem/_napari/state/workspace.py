"""State that the docks of a viewer share: docks change it and listen to it, not to each other."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import InitVar, dataclass, field, fields, replace
from typing import TYPE_CHECKING

from psygnal import Signal

from napari_stem._napari.state.grid_choice import GridChoice
from napari_stem._napari.state.last_used import LastUsed
from napari_stem._napari.state.places import Places
from napari_stem._napari.state.run import PredictionRun, StartJob, work_here
from napari_stem._napari.state.session import Session, are_same, distinct_name
from napari_stem._napari.state.unsaved import Unsaved
from napari_stem.analysis.leiden_options import LeidenOptions
from napari_stem.features.compute import Compute
from napari_stem.prediction.options import PredictOptions
from napari_stem.prediction.statistics import THRESHOLD
from napari_stem.spots.provenance import Origin

if TYPE_CHECKING:
    from pathlib import Path

    from anndata import AnnData

    from napari_stem._napari.state.checkpoint import ChosenCheckpoint
    from napari_stem._napari.state.kept_result import KeptResult, Saved
    from napari_stem._napari.state.request import PredictRequest
    from napari_stem._napari.state.result import Result
    from napari_stem._napari.state.run import Predict
    from napari_stem.sections.section import Section
    from napari_stem.slides.slide import Slide


@dataclass(eq=False)
class Workspace(Places):
    """The open slides, with spots, results and view of the slide that is shown.

    The state of the other slides is in their sessions. `run` is the running prediction.
    """

    checkpoint: ChosenCheckpoint | None = None
    options: PredictOptions = field(default_factory=PredictOptions)
    compute: Compute = field(default_factory=Compute)
    grid: GridChoice = field(default_factory=GridChoice)
    leiden: LeidenOptions = field(default_factory=LeidenOptions)
    threshold: float = THRESHOLD  # of P(above threshold)
    last: LastUsed = field(default_factory=LastUsed)
    export_folder: str = ""  # of the last export; "" for none
    export_format: str = ""  # its suffix
    installed: Path | None = None  # the latest checkpoint that training installed
    interrupted: PredictRequest | None = None  # which ran when napari ended, until it continues
    tool: str = ""  # the active mouse tool of this plugin
    start_job: InitVar[StartJob] = work_here

    leaving = Signal()  # before another slide is shown
    returned = Signal()  # after another slide is shown, with its spots and result

    def __post_init__(self, start_job: StartJob) -> None:
        self._sessions: dict[str, Session] = {}  # of the slides that are not shown
        self.run = PredictionRun(start_job=start_job)
        self.run.drawn.connect(self.take_result)
        for name in ("slides", "slide"):
            self.events[name].connect(self._let_go)
        self._listen()

    def take_slide(self, slide: Slide) -> None:
        """Open and show a slide; one that is open is shown as it is.

        An open slide of unknown scale takes that of the other one.
        """
        if any(are_same(slide, other) for other in self.slides):
            self.show_slide(slide)
            self._take_scale(slide)
            return
        self.slides = (*self.slides, slide)
        self._show(Session(slide, gene=self.gene, statistic=self.statistic))

    def _take_scale(self, slide: Slide) -> None:
        """Rescale an open slide of unknown scale, unless that would drop a result."""
        session = self._find(slide)
        if session and session.slide and session.slide.mpp is None and not session.results:
            self.rescale(slide)

    def rescale(self, slide: Slide) -> None:
        """Replace an open slide by the same slide at another scale; its results are dropped."""
        session = self._find(slide)
        if session is None or session.slide is None or slide.mpp in (None, session.slide.mpp):
            return
        self.slides = tuple(slide if are_same(slide, other) else other for other in self.slides)
        self._put(replace(session.without_results(), slide=slide))

    def show_slide(self, slide: Slide) -> None:
        """Show an open slide with its spots and its results."""
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
        """Drop prediction and places of slides that were closed or took another scale."""
        if self.run.request is not None and self.session_of(self.run.request.slide) is None:
            self.run.abandon()
        if self.interrupted is not None and self.session_of(self.interrupted.slide) is None:
            self.interrupted = None
        self._keep_places(lambda slide: self.session_of(slide) is not None)

    def _show(self, session: Session) -> None:
        self.end_comparison()
        self.selected_spots = None
        self.leaving.emit()
        if self.slide is not None:
            self._sessions[self.slide.fingerprint] = self.session
        self._set(session)
        self.returned.emit()

    def _put(self, session: Session) -> None:
        """Replace the state of an open slide, shown or not."""
        assert session.slide is not None  # it is open
        if not are_same(session.slide, self.slide):
            self._sessions[session.slide.fingerprint] = session
            return
        if not self._compares_in(session):
            self.end_comparison()
        self._set(session)

    def _compares_in(self, session: Session) -> bool:
        """Whether a state of the slide that comes has what is compared."""
        if self.comparison.kind == "results":
            return (session.shown, len(session.results)) == (self.shown, len(self.results))
        result = session.result
        return result is not None and all(result.has(x.gene, x.statistic) for x in self.compared)

    def _set(self, session: Session) -> None:
        with ExitStack() as paused:  # so that no listener sees the state of two results mixed
            for part in reversed(fields(session)):  # the slide is announced first
                paused.enter_context(self.events[part.name].paused())
            if session.result is not self.result:  # which announces its statistic
                paused.enter_context(self.events.statistic.blocked())
            for part in fields(session):
                setattr(self, part.name, getattr(session, part.name))

    @property
    def session(self) -> Session:
        """The state of the slide that is shown."""
        return Session(*(getattr(self, part.name) for part in fields(Session)))

    def session_of(self, slide: Slide) -> Session | None:
        """The session of an open slide; None if it is not open, or open at another scale."""
        session = self._find(slide)
        if session is None or session.slide is None or session.slide.mpp != slide.mpp:
            return None
        return session

    def _find(self, slide: Slide) -> Session | None:
        """The session of an open slide, whatever its scale."""
        if are_same(slide, self.slide):
            return self.session
        return self._sessions.get(slide.fingerprint)

    def name_of(self, slide: Slide) -> str:
        """The name of an open slide that tells it apart from the others."""
        return distinct_name(slide, self.slides)

    def source_of(self, result: Result, *, with_draws: bool = True) -> str:
        """Which slide, which checkpoint and how many draws a result is of, in one line."""
        n_draws = result.n_draws if with_draws else 0
        return str(Origin(self.name_of(result.slide), result.checkpoint_name, n_draws))

    @property
    def all_spots(self) -> AnnData | None:
        """All spots, including those outside the region that they are restricted to."""
        return self.spots if self.whole is None else self.whole

    def take_spots(self, slide: Slide, spots: AnnData, *, whole: AnnData | None = None) -> None:
        """Set the spots of an open slide, shown or not; if they are a part, `whole` has all."""
        if session := self._find(slide):
            self._put(replace(session, spots=spots, whole=whole))

    def take_section(self, section: Section) -> None:
        """Set the spots of a section on an open slide, and the scale that the section states."""
        self._take_scale(section.slide)
        self.take_spots(section.slide, section.spots)

    def take_all_spots(self) -> None:
        """Undo the restriction to a region, and show the result of all spots if there is one."""
        self._put(self.session.with_all_spots())

    def predict(self, request: PredictRequest, predict: Predict) -> None:
        """Start to predict; a result that the request continues is shown.

        Raises
        ------
        OptionError
            Another prediction is running.
        """
        self.run.start(request, predict)
        if self.interrupted is not None and request.continues(self.interrupted):
            self.interrupted = None
        if (row := self.session.row_of(request)) is not None:
            self.show_result(row)

    def take_result(self, result: Result) -> None:
        """Show a new result beside the others of its slide, or more draws of one of them.

        One of another slide is stored; one of a slide that was closed is dropped.
        """
        if session := self.session_of(result.slide):
            self._put(session.with_result(result))

    def add_result(self, kept: KeptResult) -> None:
        """Show a result of an open slide, with its clusters, beside its others."""
        if session := self.session_of(kept.result.slide):
            self._put(session.adding(kept))

    def show_result(self, row: int) -> None:
        """Show a result of the slide alone, with its spots and its clusters."""
        if row != self.shown:
            self._put(self.session.showing(row))
        elif self.comparison.kind == "results":
            self.end_comparison()

    def delete_result(self, row: int) -> None:
        """Drop a result of the slide; a prediction that still draws it is stopped."""
        request = self.session.kept[row].request
        if request is not None and request is self.run.request:
            self.run.abandon()
        self._put(self.session.without(row))

    def rename_result(self, row: int, name: str) -> None:
        """Give a result of the slide another name."""
        self._put(self.session.renamed(row, name))

    def take_saved(self, saved: Saved) -> None:
        """Note what a file holds of a result."""
        if session := self.session_of(saved.result.slide):
            self._put(session.with_saved(saved))

    def unsaved_work(self, *slides: Slide) -> Unsaved:
        """All work on open slides that no file holds; on all slides if none is given."""
        return Unsaved(
            self.unsaved(*slides), self.unsaved_points(*slides), self.unsaved_regions(*slides)
        )

    def unsaved(self, *slides: Slide) -> list[KeptResult]:
        """The results of open slides that no file holds; of all slides if none is given."""
        sessions = [self.session_of(slide) for slide in slides or self.slides]
        return [
            kept for session in sessions if session for kept in session.kept if not kept.is_saved
        ]
