"""Long work as functions that return its result, with a progress bar.

Each is written once, as a generator of events that takes its options as dataclasses; `verb` makes
the function that waits for the result and takes the options as keywords, and keeps the generator
for those who listen: `predict` and `iter_predict`.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable
from typing import Any, Protocol, TypeAlias, TypeVar, cast

from tqdm.auto import tqdm

from napari_stem.api.hints import hinted
from napari_stem.api.keywords import with_options
from napari_stem.events import Event, Events, Progress, finish

OnEvent: TypeAlias = "Callable[[Event], object] | None"
T = TypeVar("T")
R = TypeVar("R", covariant=True)

_LISTENING = (  # arguments of the verb alone
    inspect.Parameter(
        "progress", inspect.Parameter.KEYWORD_ONLY, default=None, annotation="bool | None"
    ),
    inspect.Parameter(
        "on_event", inspect.Parameter.KEYWORD_ONLY, default=None, annotation="OnEvent"
    ),
)
_TWIN = """
`{name}` event by event: a generator of `napari_stem.events`, whose return value is the result.
Closing it stops the work within a batch; what was finished stays in the cache.
"""


class Verb(Protocol[R]):
    """A function that waits for its result, and its twin that yields events."""

    def __call__(self, *args: Any, **kwargs: Any) -> R:
        """Work to the end."""

    def events(self, *args: Any, **kwargs: Any) -> Events[Any]:
        """Work event by event."""


def verb(**kinds: type) -> Callable[[Callable[..., Events[T]]], Verb[T]]:
    """Make a verb of a generator.

    The function that waits takes two more arguments: `progress`, whether a bar shows each stage
    (None shows it where somebody sees it), and `on_event`, which is called with each event.

    Parameters
    ----------
    kinds
        Dataclasses of options, by the generator's argument that takes one (`with_options`).
    """

    def decorate(generator: Callable[..., Events[T]]) -> Verb[T]:
        work = with_options(**kinds)(generator)

        @functools.wraps(work)
        def wait(
            *args: Any, progress: bool | None = None, on_event: OnEvent = None, **given: Any
        ) -> T:
            shown = _somebody_sees() if progress is None else progress
            with hinted(), _Bars(shown) as bars:

                def tell(event: Event) -> None:
                    bars.show(event)
                    if on_event is not None:
                        on_event(event)

                return finish(work(*args, **given), tell)

        @functools.wraps(work)
        def events(*args: Any, **given: Any) -> Events[T]:
            with hinted():
                return (yield from work(*args, **given))

        made, twin = cast("Any", wait), cast("Any", events)
        _describe(made, twin)
        made.events = twin
        return cast("Verb[T]", made)

    return decorate


def _describe(wait: Any, twin: Any) -> None:
    """The arguments that only the function that waits takes, and what it returns."""
    own = inspect.signature(wait)
    result = str(own.return_annotation).removeprefix("Events[").removesuffix("]")
    every = [*own.parameters.values(), *_LISTENING]
    wait.__signature__ = own.replace(parameters=every, return_annotation=result)
    twin.__signature__ = own
    twin.__name__ = twin.__qualname__ = f"iter_{wait.__name__}"
    summary, text = wait.__doc__.split("\n", 1)
    twin.__doc__ = f"{summary}\n{_TWIN.format(name=wait.__name__)}{text}"


def _somebody_sees() -> bool:
    return sys.stderr.isatty() or "ipykernel" in sys.modules


class _Bars:
    """A bar a stage; the one before stays as it stands."""

    def __init__(self, shown: bool) -> None:
        self._shown = shown
        self._stage: tuple[str, str] | None = None
        self._bar: Any = None

    def __enter__(self) -> _Bars:
        return self

    def __exit__(self, *error: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def show(self, event: Event) -> None:
        """Move the bar of the event's stage."""
        if not self._shown or not isinstance(event, Progress):
            return
        if self._stage != (event.stage, event.message):
            self.__exit__()
            self._stage = event.stage, event.message
            self._bar = tqdm(total=event.total, desc=f"{event.stage} {event.message}".strip())
        self._bar.set_postfix_str(f"waiting for '{event.waiting}'" if event.waiting else "", False)
        self._bar.update(event.done - self._bar.n)
