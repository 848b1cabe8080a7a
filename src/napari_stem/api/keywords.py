"""Options of dataclasses as keywords of functions, with their words in signature and docstring."""

from __future__ import annotations

import functools
import inspect
import textwrap
from collections.abc import Callable
from typing import Any, TypeVar

from napari_stem.options import Option, options_of

R = TypeVar("R")

_PLACE = "{options}"  # in a docstring, where the options belong among the parameters


def with_options(**kinds: type) -> Callable[[Callable[..., R]], Callable[..., R]]:
    """Let callers give each option of a dataclass as a keyword of its own.

    Parameters
    ----------
    kinds
        Dataclasses of options, by the function's argument that takes one.
    """

    def decorate(function: Callable[..., R]) -> Callable[..., R]:
        @functools.wraps(function)
        def taking(*args: Any, **given: Any) -> R:
            made = {name: _taken(kind, given) for name, kind in kinds.items()}
            return function(*args, **given, **made)  # which refuses a name that is given twice

        own = inspect.signature(function)
        options = {n: about for kind in kinds.values() for n, about in options_of(kind).items()}
        kept = [p for p in own.parameters.values() if p.name not in kinds]
        last = next((i for i, p in enumerate(kept) if p.kind is p.KEYWORD_ONLY), len(kept))
        kept[last:last] = map(_parameter, options, options.values())
        described: Any = taking
        described.__signature__ = own.replace(parameters=kept)
        entries = "\n".join(map(_entry, options, options.values()))
        described.__doc__ = inspect.cleandoc(function.__doc__ or "").replace(_PLACE, entries)
        return taking

    return decorate


def _taken(kind: type, given: dict[str, Any]) -> Any:
    """A dataclass of the options that are given, which are taken out."""
    return kind(**{name: given.pop(name) for name in options_of(kind) if name in given})


def _parameter(name: str, about: Option) -> inspect.Parameter:
    kind = f"{about.kind.__name__} | None" if about.unset else about.kind.__name__
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=about.default, annotation=kind
    )


def _entry(name: str, about: Option) -> str:
    """An option among the parameters of a docstring."""
    named = [f'"{value}": {text}' for value, text in (about.allowed() or {}).items()]
    told = [about.label, about.help.rstrip("."), "; ".join(named)]
    text = f"{'. '.join(filter(None, told))}."
    return "\n    ".join([name, *textwrap.wrap(text, 92, break_on_hyphens=False)])
