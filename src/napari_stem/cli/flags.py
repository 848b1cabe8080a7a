"""Flags of commands, made from options, which state default, range and wording."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, is_dataclass
from functools import wraps
from inspect import Parameter, get_annotations, signature
from typing import Annotated, Any, Literal, get_args, get_origin

import typer

from napari_stem.options import Option, options_of

_ADVANCED = "Advanced options"


@dataclass(frozen=True)
class Flags:
    """What the annotation of a parameter holds, whose value is a table of these options."""

    options: Mapping[str, Option]


def with_flags(command: Callable[..., None]) -> Callable[..., None]:
    """A command with a flag for each option of its parameters.

    A parameter whose annotation is a dataclass of options is given one; a parameter that is
    annotated with `Flags` is given a table of values by the options' names.
    """
    parts: dict[str, Parameter] = {}
    bundles: dict[str, _Bundle] = {}
    hints = get_annotations(command, eval_str=True)
    for name, parameter in signature(command).parameters.items():
        if (bundle := _bundle(hints[name])) is None:
            parts[name] = parameter.replace(annotation=hints[name], kind=Parameter.KEYWORD_ONLY)
        else:
            bundles[name] = bundle
            parts.update(bundle.parameters())

    @wraps(command)
    def run(**given: Any) -> None:
        made = {name: bundle.take(given) for name, bundle in bundles.items()}
        command(**given, **made)

    run.__signature__ = signature(command).replace(parameters=[*parts.values()])  # type: ignore[attr-defined]
    run.__annotations__ = {name: part.annotation for name, part in parts.items()}
    return run


@dataclass(frozen=True)
class _Bundle:
    """A parameter that stands for several flags."""

    options: Mapping[str, Option]
    make: Callable[..., Any]

    def parameters(self) -> dict[str, Parameter]:
        """What Typer reads of each flag, by the flag's name as Python writes it."""
        return {
            _python_name(name, about): Parameter(
                _python_name(name, about),
                Parameter.KEYWORD_ONLY,
                default=about.default,
                annotation=_annotation(name, about),
            )
            for name, about in self.options.items()
        }

    def take(self, given: dict[str, Any]) -> Any:
        """The parameter's value, of those of its flags."""
        names = {name: _python_name(name, about) for name, about in self.options.items()}
        return self.make(**{name: given.pop(flag) for name, flag in names.items()})


def _bundle(hint: Any) -> _Bundle | None:
    kind, *notes = get_args(hint) if get_origin(hint) is Annotated else (hint,)
    make = kind if isinstance(kind, type) and is_dataclass(kind) else dict
    for note in notes:
        if isinstance(note, Flags):
            return _Bundle(note.options, make)
    return None if make is dict else _Bundle(options_of(make), make)


def _annotation(name: str, about: Option) -> Any:
    allowed = about.allowed()
    kind: Any = about.kind if allowed is None else Literal[tuple(allowed)]
    flag = f"--{_python_name(name, about).replace('_', '-')}"
    settings = typer.Option(
        f"{flag}/--no-{flag[2:]}" if kind is bool else flag,
        help=_help(about),
        min=_finite(about.minimum),
        max=_finite(about.maximum),
        show_default=about.unset or True,
        rich_help_panel=_ADVANCED if about.advanced else None,
    )
    return Annotated[kind | None if about.unset else kind, settings]


def _help(about: Option) -> str:
    """The help of an option, its unit, and the meaning of its values."""
    allowed = about.allowed() or {}
    names = [_named(value, text) for value, text in allowed.items() if text.lower() != value]
    unit = about.unit if about.unit.lower() not in about.help.lower() else ""
    parts = (about.help, f"In {unit}." if unit else "", f"{'; '.join(names)}." if names else "")
    return " ".join(filter(None, parts))


def _named(value: str, text: str) -> str:
    return text if text.startswith(value) else f"{value}: {text}"


def _finite(end: float) -> float | None:
    return end if math.isfinite(end) else None


def _python_name(name: str, about: Option) -> str:
    return (about.flag or name).replace("-", "_")
