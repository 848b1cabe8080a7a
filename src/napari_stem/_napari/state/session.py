"""The state of one slide, kept while another slide is shown."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from napari_stem._napari.state.cluster_edits import ClusterEdits
from napari_stem._napari.state.cluster_view import ClusterView
from napari_stem._napari.state.kept_result import PREDICTION, KeptResult, Saved, distinct

if TYPE_CHECKING:
    from collections.abc import Iterable

    from anndata import AnnData

    from napari_stem._napari.state.request import PredictRequest
    from napari_stem._napari.state.result import Result
    from napari_stem.analysis.labels import Clusters
    from napari_stem.slides.slide import Slide

# What a kept result and the session that shows it have in common.
_VIEW = (
    "result", "edits", "cluster_view", "clusters", "group_edits", "groups", "gene", "statistic",
    "wanted",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Session:
    """A slide with its spots, its results and the view of the one that is shown.

    Its fields are the fields of the workspace that change with the slide, in the order in which
    the workspace announces them.

    Attributes
    ----------
    whole
        All spots, if `spots` are those of a region.
    results
        In the order in which they came. The shown one is up to date in `kept` alone.
    shown
        The index of the shown result; -1 if there is none.
    """

    slide: Slide | None = None
    spots: AnnData | None = None
    whole: AnnData | None = None
    results: tuple[KeptResult, ...] = ()
    shown: int = -1
    gene: str = ""
    statistic: str = "mean"
    wanted: str = ""
    result: Result | None = None
    edits: ClusterEdits = field(default_factory=ClusterEdits)
    cluster_view: ClusterView = field(default_factory=ClusterView)
    clusters: Clusters | None = None
    group_edits: ClusterEdits = field(default_factory=ClusterEdits)
    groups: Clusters | None = None

    @property
    def kept(self) -> tuple[KeptResult, ...]:
        """The results, the shown one with its present view."""
        if self.result is None:
            return self.results
        now = replace(self.results[self.shown], **_view(self))
        return _exchanged(self.results, self.shown, now)

    def row_of(self, request: PredictRequest | None) -> int | None:
        """The index of the result that a request continues; None if there is none."""
        requests = (kept.request for kept in self.kept)
        return next(
            (row for row, one in enumerate(requests) if request and one and request.continues(one)),
            None,
        )

    def with_result(self, result: Result) -> Session:
        """The session with a result that is new, and shown, or continues one of its results."""
        kept = self.kept
        row = next((i for i, one in enumerate(kept) if result.continues(one.result)), None)
        if row is not None:
            grown = kept[row].grown(result)
            if row == self.shown:
                return replace(self, **_view(grown))
            return replace(self, results=_exchanged(kept, row, grown))
        looks = {name: getattr(self, name) for name in ("gene", "statistic", "wanted")}
        return self.adding(KeptResult(_name_of(result), result, **looks).grown(result))

    def adding(self, new: KeptResult) -> Session:
        """The session with one more result, which is shown; its name is made distinct."""
        kept = self.kept
        named = replace(new, name=distinct(new.name, [one.name for one in kept]))
        return replace(self, results=(*kept, named)).showing(len(kept))

    def showing(self, row: int) -> Session:
        """The session with another result shown, and its spots."""
        now = self.kept[row]
        return replace(
            self, results=self.kept, shown=row, spots=now.spots, whole=now.whole, **_view(now)
        )

    def without(self, row: int) -> Session:
        """The session without a result; of others, the one before it is shown in its place."""
        others = (*self.kept[:row], *self.kept[row + 1 :])
        if row != self.shown:
            return replace(self, results=others, shown=self.shown - (row < self.shown))
        bare = replace(self.without_results(), results=others)
        return bare.showing(max(0, row - 1)) if others else bare

    def without_results(self) -> Session:
        """The session with its slide and spots alone."""
        return Session(self.slide, self.spots, self.whole, gene=self.gene, statistic=self.statistic)

    def renamed(self, row: int, name: str) -> Session:
        """The session with another name of a result, made distinct."""
        others = [one.name for i, one in enumerate(self.results) if i != row]
        now = replace(self.results[row], name=distinct(name, others))
        return replace(self, results=_exchanged(self.results, row, now))

    def with_saved(self, saved: Saved) -> Session:
        """The session which knows what a file holds of one of its results."""
        kept = self.kept
        for row, one in enumerate(kept):
            if one.result.has_draws_of(saved.result):
                now = replace(one, saved=saved)
                return replace(self, results=_exchanged(kept, row, now))
        return self

    def with_all_spots(self) -> Session:
        """The session without a restriction to a region, and with the result of all spots."""
        if self.whole is None:
            return self
        row = next((i for i, one in enumerate(self.kept) if one.spots is self.whole), None)
        if row is not None:
            return self.showing(row)
        return replace(self, spots=self.whole, whole=None)


def are_same(one: Slide | None, other: Slide | None) -> bool:
    """Whether two slides have the same content, whatever their scale and file."""
    return one is not None and other is not None and one.fingerprint == other.fingerprint


def distinct_name(slide: Slide, slides: Iterable[Slide]) -> str:
    """The name of a slide, after its folder if another of the slides has the same name."""
    others = (other for other in slides if not are_same(slide, other))
    if slide.path is None or all(other.name != slide.name for other in others):
        return slide.name
    return f"{slide.path.parent.name}/{slide.name}"


def _view(source: Session | KeptResult) -> dict[str, Any]:
    return {name: getattr(source, name) for name in _VIEW}


def _exchanged(
    results: tuple[KeptResult, ...], row: int, now: KeptResult
) -> tuple[KeptResult, ...]:
    return (*results[:row], now, *results[row + 1 :])


def _name_of(result: Result) -> str:
    if result.request is None:
        return PREDICTION
    return result.request.name or result.request.checkpoint.path.stem
