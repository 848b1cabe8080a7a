"""A cohort that is open in the window: what is known of it, and the threads that read it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, QTimer, Signal

from napari_stem._napari.cohort import tasks
from napari_stem._napari.shell.worker import Job, message_of, start
from napari_stem.cohort.choice import Choice
from napari_stem.events import Progress

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

    from napari_stem.cohort.manifest import Row
    from napari_stem.cohort.overview import Listing, Look

_LOOK_AGAIN = 2000  # ms, for what a running cohort has finished since


class Shelf(QObject):
    """Reads slides, the chosen value of all of them, and the thumbnails that are asked for.

    Attributes
    ----------
    listing
        The slides; None as long as no cohort is open.
    look
        The chosen value of all slides; None until it is read.
    choice
        What is chosen to be shown.
    """

    listed = Signal()  # there are slides, or they have changed
    looked = Signal()  # the chosen value of all slides is known
    drawn = Signal(object)  # a `Card`
    told = Signal(str)  # what is being read, or why it cannot be; "" when that is over

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.listing: Listing | None = None
        self.look: Look | None = None
        self.choice = Choice()
        self._jobs: dict[str, Job] = {}
        self._is_stale = False
        self._wanted: Sequence[Row] = ()
        self._timer = QTimer(self, interval=_LOOK_AGAIN)
        self._timer.timeout.connect(self._list_again)

    def open(self, folder: Path) -> None:
        """Read the cohort of a folder, instead of the one that is open."""
        self.told.emit(f"Reading {folder.name}…")
        job = self._run("list", tasks.list_slides(folder))
        job.result.connect(self._take)

    def choose(self, choice: Choice) -> None:
        """Show another value of all slides."""
        if choice == self.choice:
            return
        self.choice = choice
        if self.listing is not None:
            self._read_look()

    def want(self, rows: Sequence[Row]) -> None:
        """Make the thumbnails of these slides, instead of others that were wanted before."""
        self._wanted = rows
        if "cards" not in self._jobs:
            self._make_wanted()

    def follow(self, on: bool) -> None:
        """Look from time to time what a running cohort has finished, or no longer."""
        if on:
            self._timer.start()
        else:
            self._timer.stop()

    def _list_again(self) -> None:
        if self.listing is not None and "list" not in self._jobs:
            job = self._run("list", tasks.list_changes(self.listing))
            job.result.connect(self._take_changes)

    def _take(self, listing: Listing) -> None:
        self.listing, self.look = listing, None
        if self.choice.gene not in listing.genes:
            self.choice = Choice(next(iter(listing.genes), ""), self.choice.statistic)
        self.told.emit("")
        self.listed.emit()
        self._read_look()

    def _take_changes(self, listing: Listing | None) -> None:
        if listing is None:
            return
        self.listing = listing
        if not self.choice.gene:
            self.choice = Choice(next(iter(listing.genes), ""), self.choice.statistic)
        self.listed.emit()
        if "look" in self._jobs:
            self._is_stale = True  # it is finished first: of a running cohort it would never be
        else:
            self._read_look()

    def _read_look(self) -> None:
        assert self.listing is not None
        self._is_stale = False
        job = self._run("look", tasks.look_at(self.listing, self.choice, self.look))
        job.told.connect(self._tell)
        job.result.connect(self._take_look)

    def _take_look(self, look: Look) -> None:
        self._stop("cards")  # they have the former colours
        self.look = look
        self.told.emit("")
        self.looked.emit()
        if self._is_stale:
            self._read_look()

    def _make_wanted(self) -> None:
        rows, self._wanted = self._wanted, ()
        if rows and self.look is not None and self.listing is not None:
            job = self._run("cards", tasks.make_cards(self.listing.folder, rows, self.look))
            job.told.connect(partial(self._draw, job))
            job.ended.connect(self._make_wanted)

    def _draw(self, job: Job, card: object) -> None:
        if self._jobs.get("cards") is job:  # otherwise it is in former colours
            self.drawn.emit(card)

    def _run(self, kind: str, source: Generator[Any, None, Any]) -> Job:
        """Start a job, instead of the one of its kind that is running."""
        self._stop(kind)
        job = self._jobs[kind] = start(source, self)
        job.ended.connect(partial(self._forget, kind, job))
        job.failed.connect(self._fail)
        return job

    def _stop(self, kind: str) -> None:
        if (job := self._jobs.pop(kind, None)) is not None:
            job.stop()

    def _forget(self, kind: str, job: Job) -> None:
        if self._jobs.get(kind) is job:
            del self._jobs[kind]

    def _fail(self, error: Exception) -> None:
        self.told.emit(f"⚠ {message_of(error)}")

    def _tell(self, progress: Progress) -> None:
        self.told.emit(f"Reading slide {progress.done + 1:,} of {progress.total:,}…")
