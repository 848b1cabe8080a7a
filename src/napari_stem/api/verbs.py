"""Long work as verbs that return its result, with a bar where somebody sees it.

Each is written once, as a generator of events; `verb` makes the function that waits for its
result, and keeps the generator for those who listen: `predict` and `iter_predict`.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable
from typing import Any, ParamSpec, Protocol, TypeAlias, TypeVar, cast

from tqdm.auto import tqdm

from napari_stem.events import Event, Events, Progress, finish

OnEvent: TypeAlias = "Callable[[Event], object] | None"
P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R", covariant=True)

_LISTENING = ("progress", "on_event")  # arguments of the verb alone
_TWIN = """
`{name}` event by event: a generator of `napari_stem.events`, whose return value is the result.
Closing it stops the work within a batch; what was finished stays in the cache.
"""


class Verb(Protocol[P, R]):
    """A function that waits for its result, and its twin that tells how far it is."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Work to the end."""

    def events(self, *args: P.args, **kwargs: P.kwargs) -> Events[Any]:
        """Work event by event."""


def verb(generator: Callable[P, Events[T]]) -> Verb[P, T]:
    """A function that exhausts a generator, and as its `events` the generator itself.

    The generator's signature and docstring are those of the function. Two of its arguments are
    for the function: `progress`, whether a bar shows each stage (None shows it where somebody
    sees it), and `on_event`, which is called with each event.
    """
    signature = inspect.signature(generator)
    for_twin = [p for p in signature.parameters.values() if p.name not in _LISTENING]

    @functools.wraps(generator)
    def wait(*args: Any, progress: bool | None = None, on_event: OnEvent = None, **given: Any) -> T:
        with _Bars(_somebody_sees() if progress is None else progress) as bars:

            def tell(event: Event) -> None:
                bars.show(event)
                if on_event is not None:
                    on_event(event)

            return finish(generator(*args, **given), tell)

    @functools.wraps(generator)
    def events(*args: Any, **given: Any) -> Events[T]:
        return (yield from generator(*args, **given))

    made = cast("Any", wait)
    result = str(signature.return_annotation).removeprefix("Events[").removesuffix("]")
    made.__signature__ = signature.replace(return_annotation=result)
    made.events = events
    twin = cast("Any", events)
    twin.__name__ = twin.__qualname__ = f"iter_{generator.__name__}"
    twin.__signature__ = signature.replace(parameters=for_twin)
    first, rest = inspect.cleandoc(generator.__doc__ or "").split("\n", 1)
    twin.__doc__ = f"{first}\n{_TWIN.format(name=generator.__name__)}{rest}"
    return cast("Verb[P, T]", made)


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
        self._bar.update(event.done - self._bar.n)
