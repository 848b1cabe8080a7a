"""Stopping of long work: by signals, and by orders on standard input."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from napari_stem.events import Event

_STOP = (signal.SIGINT, signal.SIGTERM)
INTERRUPTED = 130  # exit code of work that Ctrl+C stopped, as shells have it


@contextmanager
def stoppable(show: Callable[[Event], None]) -> Iterator[Callable[[Event], None]]:
    """Let a signal stop work at its next event, which saves its state; a second one at once."""
    asked = False

    def ask(number: int, frame: object) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True

    def show_or_stop(event: Event) -> None:
        show(event)
        if asked:
            raise KeyboardInterrupt

    before = {number: signal.signal(number, ask) for number in _STOP}
    try:
        yield show_or_stop
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def unstoppable() -> Iterator[None]:
    """Leave it to another process when this one ends, whatever signals reach both."""
    before = {each: signal.signal(each, signal.SIG_IGN) for each in _STOP}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def orders(listen: bool) -> Callable[[], bool]:
    """Whether standard input had the line "finish"; "pause" and its end act like Ctrl+C."""
    finish = threading.Event()
    if listen:
        threading.Thread(target=_obey, args=(finish,), daemon=True).start()
    return finish.is_set


def _obey(finish: threading.Event) -> None:
    while order := _read_order():
        if order == "finish":
            finish.set()
        elif order == "pause":
            break
    if order or not finish.is_set():
        signal.raise_signal(signal.SIGINT)


def _read_order() -> str:
    """The next line, "" at the end. Past Python's buffer, whose lock would outlive us."""
    line = b""
    while not line.endswith(b"\n"):
        part = os.read(0, 1)
        if not part:
            return ""
        line += part
    return line.decode(errors="replace").strip() or "nothing"
