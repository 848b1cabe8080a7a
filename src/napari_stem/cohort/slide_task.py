"""What a worker does for one slide."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from distributed import Worker, get_worker

from napari_stem.cohort.desk import Desk
from napari_stem.cohort.order import Goal, Listed
from napari_stem.cohort.outcome import Outcome
from napari_stem.cohort.slide_work import (
    Place,
    iter_embedding,
    iter_prediction,
    iter_write_outputs,
    open_place,
    write_embedding,
)
from napari_stem.cohort.standing import bare_address
from napari_stem.errors import StemError
from napari_stem.evaluation.comparison import MODEL
from napari_stem.evaluation.evaluate import (
    iter_evaluate,
    iter_tested,
    shared_genes,
    tested_spots,
)
from napari_stem.evaluation.measured import spot_agreement
from napari_stem.events import Event, Events, Pace, Progress, finish
from napari_stem.prediction.trust import foreign_spots
from napari_stem.reports.metric_files import write_metrics_json
from napari_stem.sections.opened import Opened
from napari_stem.sections.paired_data import iter_paired_data
from napari_stem.sections.section import Section
from napari_stem.text import one_line

if TYPE_CHECKING:
    from anndata import AnnData

T = TypeVar("T")
_LONGEST = 300  # letters of a reason


class _Unwanted(Exception):
    """Nobody waits for this task any more."""


class SlideTask:
    """A task of one slide."""

    def __init__(self, desk: str, listed: Listed, folder: Path, stage: str) -> None:
        self._worker: Worker = get_worker()
        found: Any = self._worker.plugins[desk]
        self._desk: Desk = found
        self._task = self._worker.get_current_task()
        self._listed = listed
        self._folder = folder
        self._stage = stage
        self._pace = Pace(1.0)
        self._seconds: dict[str, float] = {}

    @property
    def is_alone(self) -> bool:
        """Whether the worker does one task at a time, of a slide that is to be drawn for."""
        return self._worker.state.nthreads == 1 and self._desk.order.goal is not Goal.EMBED

    def outcome(
        self, work: Callable[[], Mapping[str, Any]], before: Mapping[str, Any] | None = None
    ) -> Outcome:
        """What comes of the work, whatever happens."""
        known = {**(before or {}), "worker": bare_address(self._worker.address)}
        try:
            self._tell()
            changes = work()
        except StemError as error:
            return Outcome(known, _named(error))
        except Exception as error:  # noqa: BLE001  # a slide that fails stops no other
            return Outcome(known, _named(error), traceback.format_exc())
        return Outcome({**known, **self._seconds, **changes})

    def embed(self) -> Mapping[str, Any]:
        """The first task."""
        order, checkpoint = self._desk.order, self._desk.checkpoint()
        with Opened() as opened:
            place = self._open(opened)
            vectors = self._timed("embed", iter_embedding(place, checkpoint, order))
            if order.goal is Goal.EMBED:
                (name,) = order.outputs(self._listed)
                ood = checkpoint.condition.ood(vectors)
                write_embedding(place.spots, vectors, self._folder / name)
                return {
                    "spots": place.spots.n_obs, "ood_share": float((ood > 1).mean()),
                    "outputs": (name,),
                }  # fmt: skip
            self._desk.keep(self._listed.identity, opened.pop_all(), place)
        self._stage = "embedded"
        self._tell()
        return {"spots": place.spots.n_obs}

    def draw(self) -> Mapping[str, Any]:
        """The second task."""
        with Opened() as opened:
            place = self._place(opened)
            if self._desk.order.goal is Goal.EVALUATE:
                return self._evaluated(place)
            return self._predicted(place)

    def _predicted(self, place: Place) -> Mapping[str, Any]:
        order, checkpoint = self._desk.order, self._desk.checkpoint()
        work = iter_prediction(place, checkpoint, order)
        prediction = self._timed("draw", work)
        names = order.outputs(self._listed)
        paths = [self._folder / name for name in names]
        self._timed("write", iter_write_outputs(prediction, paths, order.genes))
        agreement = spot_agreement(prediction)
        scores = agreement.scores if agreement else {}
        return {**_described(prediction), "metrics": scores, "outputs": tuple(names)}

    def _evaluated(self, place: Place) -> Mapping[str, Any]:
        order, checkpoint = self._desk.order, self._desk.checkpoint()
        section = Section(self._listed.name, place.slide, place.spots)
        genes = self._genes(section)
        if order.training:
            return self._compared(section, genes)
        work = iter_tested(checkpoint, section, genes, order.options, order.compute)
        with closing(self._timed("draw", work)) as tested:
            return {**_described(tested.prediction), "metrics": tested.scores()}

    def _compared(self, section: Section, genes: Sequence[str]) -> Mapping[str, Any]:
        """Evaluated beside baselines, whose metrics are in a file."""
        order, checkpoint = self._desk.order, self._desk.checkpoint()
        seen = iter_paired_data(
            self._desk.training(), checkpoint.recipe, order.compute, genes=genes
        )
        known = finish(seen, self._follow)
        work = iter_evaluate(checkpoint, section, known, order.options, order.compute)
        evaluation = self._timed("draw", work)
        names = order.outputs(self._listed)
        write_metrics_json([evaluation], self._folder / names[0])
        scores = evaluation.scores[MODEL]
        return {**_described(evaluation.prediction), "metrics": scores, "outputs": tuple(names)}

    def _genes(self, section: Section) -> tuple[str, ...]:
        """Of the panel, those that the section and all that baselines learn from measured."""
        panel = self._desk.checkpoint().recipe.panel
        return shared_genes(panel, [*self._desk.training(), section])

    def _place(self, opened: Opened) -> Place:
        """The slide that the first task left open here, or opened again: it ran elsewhere."""
        if (kept := self._desk.take(self._listed.identity)) is None:
            return self._open(opened)
        opened.push(kept[0])
        return kept[1]

    def _open(self, opened: Opened) -> Place:
        start = time.monotonic()
        place = open_place(opened, self._listed, self._desk.order)
        if self._desk.order.goal is Goal.EVALUATE:  # embeds and draws for these spots alone
            section = Section(self._listed.name, place.slide, place.spots)
            place = Place(place.slide, tested_spots(section, self._genes(section)))
        self._seconds["seconds_open"] = time.monotonic() - start
        return place

    def _timed(self, stage: str, events: Events[T]) -> T:
        start = time.monotonic()
        found = finish(events, self._follow)
        self._seconds[f"seconds_{stage}"] = time.monotonic() - start
        return found

    def _follow(self, event: Event) -> None:
        """Tell of an event, or end the work where nobody waits for it any more."""
        task = self._worker.state.tasks.get(self._task)
        if task is None or task.state != "executing":
            raise _Unwanted(f"The cohort no longer waits for '{self._listed.name}'.")
        if isinstance(event, Progress) and self._pace.due():
            self._tell(event.done, event.total, "waiting for its file" if event.waiting else "")

    def _tell(self, done: int = 0, total: int = 0, stage: str = "") -> None:
        self._worker.log_event(
            self._desk.name,
            {
                "slide": [*self._listed.identity], "stage": stage or self._stage, "done": done,
                "total": total,  # and the scheduler adds the worker's address
            },
        )  # fmt: skip


def _described(prediction: AnnData) -> dict[str, Any]:
    n = prediction.n_obs
    return {"spots": n, "ood_share": foreign_spots(prediction) / n}


def _named(error: Exception) -> str:
    return f"{type(error).__name__}: {one_line(error, _LONGEST)}"
