"""Long work as verbs that return its result, with a bar where somebody sees it.

Each is written once, as a generator of events that takes its options as dataclasses; `verb` makes
the function that waits for the result and takes the options as keywords, and keeps the generator
for those who listen: `predict` and `iter_predict`.
"""

from __future__ import annotations

import functools
import inspect
import sys
import textwrap
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeAlias, TypeVar, cast

from tqdm.auto import tqdm

from napari_stem.api.hints import hinted
from napari_stem.events import Event, Events, Progress, finish
from napari_stem.options import Option, options_of

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
    """A function that waits for its result, and its twin that tells how far it is."""

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
        Dataclasses of options, by the generator's argument that takes one. Callers give each
        option as a keyword of its own.
    """
    options = {name: about for kind in kinds.values() for name, about in options_of(kind).items()}

    def decorate(generator: Callable[..., Events[T]]) -> Verb[T]:
        def begin(args: tuple[Any, ...], given: dict[str, Any]) -> Events[T]:
            made = {
                argument: kind(**{k: given.pop(k) for k in options_of(kind) if k in given})
                for argument, kind in kinds.items()
            }
            return generator(*args, **given, **made)

        @functools.wraps(generator)
        def wait(
            *args: Any, progress: bool | None = None, on_event: OnEvent = None, **given: Any
        ) -> T:
            shown = _somebody_sees() if progress is None else progress
            with hinted(), _Bars(shown) as bars:

                def tell(event: Event) -> None:
                    bars.show(event)
                    if on_event is not None:
                        on_event(event)

                return finish(begin(args, given), tell)

        @functools.wraps(generator)
        def events(*args: Any, **given: Any) -> Events[T]:
            with hinted():
                return (yield from begin(args, given))

        _describe(wait, events, options, set(kinds))
        cast("Any", wait).events = events
        return cast("Verb[T]", wait)

    return decorate


def _describe(wait: Any, events: Any, options: Mapping[str, Option], hidden: set[str]) -> None:
    """Say in both signatures and docstrings what callers may give."""
    own = inspect.signature(wait)
    taken = [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=about.default, annotation=_kind(about)
        )
        for name, about in options.items()
    ]
    shown = [p for p in own.parameters.values() if p.name not in hidden]
    first = [p for p in shown if p.kind is not inspect.Parameter.KEYWORD_ONLY]
    rest = [p for p in shown if p.kind is inspect.Parameter.KEYWORD_ONLY]
    result = str(own.return_annotation).removeprefix("Events[").removesuffix("]")
    wait.__signature__ = own.replace(
        parameters=[*first, *taken, *rest, *_LISTENING], return_annotation=result
    )
    events.__signature__ = own.replace(parameters=[*first, *taken, *rest])
    events.__name__ = events.__qualname__ = f"iter_{wait.__name__}"
    summary, text = inspect.cleandoc(wait.__doc__).split("\n", 1)
    text = text.replace("{options}", "\n".join(map(_entry, options, options.values())))
    wait.__doc__ = f"{summary}\n{text}"
    events.__doc__ = f"{summary}\n{_TWIN.format(name=wait.__name__)}{text}"


def _entry(name: str, about: Option) -> str:
    """An option among the parameters of a docstring."""
    told = textwrap.wrap(f"{about.label}. {about.help}", 92)
    return "\n    ".join([name, *told])


def _kind(about: Option) -> str:
    return f"{about.kind.__name__} | None" if about.unset else about.kind.__name__


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
