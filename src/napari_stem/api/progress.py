"""How far long work is, in a terminal or a notebook."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from tqdm.auto import tqdm

from napari_stem.api.hints import hinted
from napari_stem.events import Event, Events, Progress, finish

if TYPE_CHECKING:
    from typing import TypeAlias

T = TypeVar("T")
OnEvent: TypeAlias = "Callable[[Event], object] | None"


def run(events: Events[T], *, progress: bool | None, on_event: OnEvent) -> T:
    """Exhaust events and return their result.

    Parameters
    ----------
    progress
        Whether a bar shows each stage; None shows it where somebody sees it.
    on_event
        Called with each event, too.
    """
    shown = _somebody_sees() if progress is None else progress
    with hinted(), _Bars(disable=not shown) as bars:

        def tell(event: Event) -> None:
            bars.show(event)
            if on_event is not None:
                on_event(event)

        return finish(events, tell)


def _somebody_sees() -> bool:
    return sys.stderr.isatty() or "ipykernel" in sys.modules


class _Bars:
    """A bar a stage; the one before is closed as it stands."""

    def __init__(self, *, disable: bool) -> None:
        self._disable = disable
        self._stage: tuple[str, str] | None = None
        self._bar: Any = None

    def __enter__(self) -> _Bars:
        return self

    def __exit__(self, *error: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def show(self, event: Event) -> None:
        """Move the bar of the event's stage."""
        if self._disable or not isinstance(event, Progress):
            return
        if self._stage != (event.stage, event.message):
            self.__exit__()
            self._stage = event.stage, event.message
            self._bar = tqdm(total=event.total, desc=f"{event.stage} {event.message}".strip())
        self._bar.update(event.done - self._bar.n)
