"""What a worker of a cohort keeps between its tasks."""

from __future__ import annotations

import atexit
import gc
import signal
import threading
from collections import OrderedDict
from contextlib import suppress
from typing import TYPE_CHECKING

from distributed import Status, Worker, WorkerPlugin

if TYPE_CHECKING:
    from napari_stem.checkpoints.checkpoint import Checkpoint
    from napari_stem.cohort.order import Order
    from napari_stem.cohort.slide_work import Place
    from napari_stem.sections.opened import Opened
    from napari_stem.sections.section import Section

EMBED, DRAW = "napari-stem-embed", "napari-stem-draw"  # resources: a place for each kind of task
_MOST_OPEN = 4  # slides that wait for their draws


class Desk(WorkerPlugin):
    """The order, its checkpoint on the worker's device, and open slides that wait for their draws.

    A worker embeds one slide and draws for one at a time: it then has both resources.
    """

    def __init__(self, name: str, order: Order) -> None:
        self.name = name
        self.order = order

    async def setup(self, worker: Worker) -> None:
        """Give the worker its places."""
        from napari_stem.sections.opened import Opened  # whoever sends the desk needs none of it

        self._lock = threading.Lock()
        self._checkpoint: Checkpoint | None = None
        self._open: OrderedDict[tuple[str, str], tuple[Opened, Place]] = OrderedDict()
        self._seen = Opened()
        self._training: list[Section] | None = None
        if worker.nanny is not None:
            atexit.register(gc.freeze)  # it ends a second earlier
            with suppress(ValueError):  # not in the main thread: a worker within another program
                signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for who started it
        if DRAW not in worker.state.total_resources:
            before = worker.status  # paused, too, if its memory is full
            worker.status = Status.paused  # when it runs again, tasks that wait find the places
            await worker.set_resources(**{EMBED: 1, DRAW: 1})
            worker.status = before

    def teardown(self, worker: Worker) -> None:
        """Close what is open."""
        while self._open:
            self._open.popitem()[1][0].close()
        self._seen.close()
        self._checkpoint = self._training = None

    def checkpoint(self) -> Checkpoint:
        """The order's checkpoint, read once."""
        from napari_stem.checkpoints.checkpoint import load_checkpoint

        with self._lock:
            if self._checkpoint is None:
                self._checkpoint = load_checkpoint(self.order.checkpoint)
            return self._checkpoint

    def training(self) -> list[Section]:
        """The sections that baselines learn from, opened once."""
        with self._lock:
            if self._training is None:
                order = self.order
                self._training = [
                    self._seen.section(path, bin_um=order.bin_um, opening=order.opening)
                    for path in order.training
                ]
            return self._training

    def keep(self, identity: tuple[str, str], opened: Opened, place: Place) -> None:
        """Keep a slide open for its draws; of many, the latest ones."""
        self._open[identity] = opened, place
        while len(self._open) > _MOST_OPEN:
            self._open.popitem(last=False)[1][0].close()

    def take(self, identity: tuple[str, str]) -> tuple[Opened, Place] | None:
        """A slide that was kept, which the caller closes; None where it was not."""
        return self._open.pop(identity, None)
