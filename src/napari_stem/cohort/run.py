"""The work on a cohort: slides become tasks, and what comes of them rows of the manifest."""

from __future__ import annotations

import time
import uuid
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from distributed import Client, Future
from filelock import FileLock, Timeout

from napari_stem.cohort.crew import Crew
from napari_stem.cohort.desk import DRAW, EMBED, Desk
from napari_stem.cohort.listing import named
from napari_stem.cohort.manifest import Manifest, Row
from napari_stem.cohort.order import Goal, Listed, Order, key_of
from napari_stem.cohort.outcome import Outcome
from napari_stem.cohort.standing import AtWork, Standing, WorkerUse, bare_address
from napari_stem.cohort.tasks import draw_slide, embed_slide
from napari_stem.cohort.workers import dashboard, hired
from napari_stem.errors import CohortError
from napari_stem.events import Events, Pace, Progress
from napari_stem.storage import atomic_path, writing
from napari_stem.text import counted, one_line

_AHEAD = 3  # slides a worker has in hand: one draws, one is embedded, one waits
_TICK = 0.2  # seconds
_FULL = 120  # seconds
_TRIES = 20
_LOCK = ".cohort.lock"


def iter_cohort(
    slides: Sequence[Listed], order: Order, folder: Path, crew: Crew
) -> Events[Manifest]:
    """Work on slides; those that are done already stay as they are.

    A slide that fails stops no other; its row says why. Closing the generator stops the work
    within seconds; what was embedded and drawn is kept, and the same call goes on from there.

    Parameters
    ----------
    folder
        Of the manifest and the files of all slides.

    Raises
    ------
    CohortError
        Another process works on this folder, or the scheduler is lost.
    StorageError
        The folder cannot be written.
    """
    with _held(folder), ExitStack() as stack:
        manifest, fingerprint = Manifest(folder), order.fingerprint()
        slides = named(slides, manifest.names())
        todo = [
            one
            for one in slides
            if manifest.take(one, order.goal, key_of(one, fingerprint), order.outputs(one))
        ]
        client = stack.enter_context(hired(crew)) if todo else None
        if client is not None:
            order.load_checkpoint()  # while workers start
        manifest.write()
        try:
            yield Standing(manifest.count(one.identity for one in slides))
            if client is not None:
                yield from _Run(client, manifest, slides, todo, order).events()
        finally:
            manifest.wait_again()
            manifest.write()
        return manifest


class _Run:
    """Slides on their way through the workers of a scheduler."""

    def __init__(
        self,
        client: Client,
        manifest: Manifest,
        slides: Sequence[Listed],
        todo: Sequence[Listed],
        order: Order,
    ) -> None:
        self._client = client
        self._manifest = manifest
        self._slides = slides
        self._order = order
        self._waiting = deque(todo)
        self._futures: dict[Future[Outcome], Listed] = {}
        self._embedding: dict[Future[Outcome], Future[Outcome]] = {}  # and what then draws
        self._told: deque[Mapping[str, Any]] = deque()
        self._at_work: dict[tuple[str, str], AtWork] = {}
        self._workers: tuple[WorkerUse, ...] = ()
        self._look = Pace(1.0)
        self._began: float | None = None
        self._full_since: float | None = None
        self._n_finished = 0
        self._desk = f"napari-stem-{uuid.uuid4().hex[:8]}"

    def events(self) -> Events[None]:
        """Work until no slide is left."""
        client, pace = self._client, Pace(0.5)
        client.subscribe_topic(self._desk, lambda event: self._told.append(event[1]))
        try:
            self._register()
            while self._waiting or self._futures:
                self._watch_workers()
                self._hand_out()
                finished = self._collect()
                if finished or pace.due():
                    yield from self._standing(finished)
                else:
                    time.sleep(_TICK)
        finally:
            with suppress(Exception):  # the scheduler may be gone
                client.cancel([*self._embedding, *self._futures], force=True)
                client.unregister_worker_plugin(self._desk)

    def _register(self) -> None:
        """Give all workers, also those to come, their desk."""
        desk = Desk(self._desk, self._order)
        for tries_left in reversed(range(_TRIES)):
            try:
                self._client.register_plugin(desk)
                return
            except OSError as error:  # a worker ended just then; another one takes its place
                if not tries_left:
                    raise self._lost() from error
                time.sleep(_TICK)
            except Exception as error:
                if self._client.status != "running":
                    raise self._lost() from error
                raise CohortError(
                    "The workers cannot be told what to do; they need the same version of "
                    f"napari-stem as this machine: {one_line(error)}."
                ) from error

    def _watch_workers(self) -> None:
        """Look who works, once a second."""
        if not self._look.due():
            return
        if self._client.status not in ("running", "connecting"):
            raise self._lost()
        try:
            found = self._client.scheduler_info(n_workers=-1)["workers"]
        except Exception as error:
            raise self._lost() from error
        self._workers = tuple(_use(address, about) for address, about in found.items())
        self._check_memory()

    def _check_memory(self) -> None:
        """Refuse to wait for ever for memory that no worker gets back."""
        if not self._workers or not all(worker.paused for worker in self._workers):
            self._full_since = None
        elif self._full_since is None:
            self._full_since = time.monotonic()
        elif time.monotonic() - self._full_since > _FULL:
            raise CohortError(
                f"The memory of all workers has been full for {_FULL} s. Use fewer workers on this "
                "machine, or smaller batches, and run the same again to go on."
            )

    def _lost(self) -> CohortError:
        done = self._manifest.count(one.identity for one in self._slides)["done"]
        return CohortError(
            f"The scheduler is lost; {done} of {counted(len(self._slides), 'slide')} are done. Run "
            "the same again to go on."
        )

    def _hand_out(self) -> None:
        """Give the workers what they can have in hand, and no more: caches are trimmed."""
        while self._waiting and len(self._futures) < _AHEAD * max(1, len(self._workers)):
            listed = self._waiting.popleft()
            self._futures[self._submit(listed)] = listed

    def _submit(self, listed: Listed) -> Future[Outcome]:
        folder, tag = str(self._manifest.folder), f"{listed.name}-{uuid.uuid4().hex[:8]}"
        embedded = self._client.submit(
            embed_slide, self._desk, listed, folder, key=f"embed-{tag}", pure=False,
            resources={EMBED: 1},
        )  # fmt: skip
        if self._order.goal is Goal.EMBED:
            return embedded
        self._embedding[embedded] = drawn = self._client.submit(
            draw_slide, embedded, self._desk, listed, folder, key=f"draw-{tag}", pure=False,
            resources={DRAW: 1}, priority=1,
        )  # fmt: skip
        return drawn

    def _collect(self) -> list[Row]:
        """Take what workers told, and what is finished."""
        while self._told:
            self._hear(self._told.popleft())
        for embedded in [future for future in self._embedding if future.done()]:
            drawn = self._embedding.pop(embedded)
            ended = embedded.status == "finished" and _outcome(embedded).is_last
            if ended and drawn in self._futures:  # nothing is left for it to do
                self._futures[embedded] = self._futures.pop(drawn)
        ready = [future for future in self._futures if future.done()]
        found = [self._finish(future, self._futures.pop(future)) for future in ready]
        return [row for row in found if row is not None]

    def _hear(self, told: Mapping[str, Any]) -> None:
        slide, table = told["slide"]
        if (slide, table) not in {one.identity for one in self._futures.values()}:
            return
        self._began = self._began or time.monotonic()
        worker = bare_address(told["worker"])
        row = self._manifest.change((slide, table), state="running", worker=worker)
        self._at_work[slide, table] = AtWork(
            row.name, told["stage"], worker, told["done"], told["total"]
        )

    def _finish(self, future: Future[Outcome], listed: Listed) -> Row | None:
        self._at_work.pop(listed.identity, None)
        if future.status in ("cancelled", "lost"):  # a scheduler that came back knows nothing of it
            self._waiting.appendleft(listed)
            self._manifest.change(listed.identity, state="waiting")
            return None
        outcome = _outcome(future)
        self._n_finished += 1
        self._keep_trace(listed, outcome.trace)
        return self._manifest.finish(listed.identity, outcome.failure, **outcome.changes)

    def _keep_trace(self, listed: Listed, trace: str) -> None:
        path = self._manifest.folder / f"{listed.name}-error.txt"
        if trace:
            with atomic_path(path) as draft:
                draft.write_text(trace, encoding="utf-8", errors="replace")
        else:
            path.unlink(missing_ok=True)

    def _standing(self, finished: Sequence[Row]) -> Iterator[Standing | Progress]:
        counts = self._manifest.count(one.identity for one in self._slides)
        left = counts["waiting"] + counts["running"]
        rate = None
        if self._n_finished and self._began is not None:
            rate = self._n_finished / (time.monotonic() - self._began)
        if finished:
            yield Progress(len(self._slides) - left, len(self._slides), "slides")
        yield Standing(
            counts, tuple(finished), tuple(self._at_work.values()), self._workers,
            None if rate is None else 3600 * rate, None if rate is None else left / rate,
            dashboard(self._client),
        )  # fmt: skip


def _outcome(future: Future[Outcome]) -> Outcome:
    try:
        found: Outcome = future.result()
    except Exception as error:  # noqa: BLE001  # several workers died of it, or could not load it
        return Outcome(failure=f"{type(error).__name__}: {one_line(error, 300)}")
    return found


def _use(address: str, worker: Mapping[str, Any]) -> WorkerUse:
    metrics = worker.get("metrics", {})
    gpu = metrics.get("gpu", {}).get("utilization") if "gpu" in metrics else None
    return WorkerUse(
        name=bare_address(address),
        cpu=metrics.get("cpu", 0.0) / 100,
        memory=int(metrics.get("memory", 0)),
        limit=int(worker.get("memory_limit") or 0),
        gpu=None if gpu is None else float(gpu) / 100,
        paused=worker.get("status") == "paused",
    )


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Hold a cohort's folder, so that nobody else writes to its manifest."""
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / _LOCK)
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            raise CohortError(
                "Another process works on this cohort. Wait for its end, or choose another "
                f"folder. Folder: '{folder}'."
            ) from error
    try:
        yield
    finally:
        lock.release()
