"""Options as data: a dataclass field states default, range and wording for every front end.

Docks build their forms from these fields, the terminal builds its flags, and Python checks values,
so that a new option is one line.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from numbers import Integral, Real
from typing import Any

from napari_stem.errors import OptionError

_OPTION = "option"
_NOUNS = {bool: "true or false", float: "a number", int: "a whole number", str: "text"}
Choices = Mapping[Any, str]


@dataclass(frozen=True, slots=True)
class Option:
    """Wording of an option and its allowed values.

    Attributes
    ----------
    label
        Label in forms.
    help
        Effect of the option, in one sentence.
    default
        Default value.
    kind
        int, float, bool or str.
    unit
        Unit of a number.
    minimum, maximum
        Range of a number, inclusive.
    step
        Step of a form's arrows; default 1.
    choices
        Allowed values and their display names, or a function that returns them.
    examples
        Suggested values, if others are allowed, too.
    unset
        Display text of None; "" if None is not allowed.
    advanced
        Whether forms hide it among the advanced options.
    flag
        Name in the terminal, if it differs from the field's.
    """

    label: str
    help: str
    default: Any
    kind: type
    unit: str = ""
    minimum: float = -math.inf
    maximum: float = math.inf
    step: float = 1
    choices: Choices | Callable[[], Choices] | None = None
    examples: tuple[str, ...] = ()
    unset: str = ""
    advanced: bool = False
    flag: str = ""

    def allowed(self) -> Choices | None:
        """Allowed values and their display names; None if any value within the range is allowed."""
        return self.choices() if callable(self.choices) else self.choices

    def in_words(self, value: Any) -> str:
        """A value as display text."""
        if value is None:
            return self.unset
        if (allowed := self.allowed()) is not None:
            return allowed[value]
        number = isinstance(value, Real) and not isinstance(value, bool)
        text = f"{value:,.10g}" if number else str(value)
        return f"{text} {self.unit}" if self.unit else text

    def problem(self, name: str, value: Any) -> str:
        """What is wrong with a value, "" if nothing is."""
        if value is None and self.unset:
            return ""
        if (allowed := self.allowed()) is not None:
            known = ", ".join(map(str, allowed))
            return "" if value in [*allowed] else f"{name} '{value}' is unknown; choose {known}."
        if self._fits(value):
            return ""
        shown = value if isinstance(value, Real) else repr(value)
        return f"{name} is {shown}; it must be {self._expected()}."

    def _fits(self, value: Any) -> bool:
        if self.kind not in (int, float):
            return isinstance(value, self.kind)
        kind = Integral if self.kind is int else Real
        if isinstance(value, bool) or not isinstance(value, kind):
            return False
        return math.isfinite(value) and self.minimum <= float(value) <= self.maximum

    def _expected(self) -> str:
        noun = _NOUNS[self.kind]
        if math.isinf(self.minimum) and math.isinf(self.maximum):
            return noun
        if math.isinf(self.maximum):
            return f"{noun} of at least {self.minimum:,.10g}"
        return f"{noun} between {self.minimum:,.10g} and {self.maximum:,.10g}"


def option(default: Any, label: str, help: str, **more: Any) -> Any:  # noqa: A002  # as argparse
    """A dataclass field that is an option.

    `more` are further fields of `Option`; `kind` is the default's unless given, as it must be
    where the default is None.
    """
    about = Option(label, help, default, more.pop("kind", type(default)), **more)
    return field(default=default, metadata={_OPTION: about})


def same_option(kind: type, name: str) -> Any:
    """A dataclass field that is the option of another dataclass."""
    about = options_of(kind)[name]
    return field(default=about.default, metadata={_OPTION: about})


def options_of(kind: type | Any, names: Iterable[str] = ()) -> dict[str, Option]:
    """The options of a dataclass by name: all, or those of `names`."""
    wanted = set(names)
    return {
        part.name: part.metadata[_OPTION]
        for part in fields(kind)
        if _OPTION in part.metadata and (not wanted or part.name in wanted)
    }


def overrides(options: Mapping[str, Option], unset: str) -> dict[str, Option]:
    """The same options as overrides: None, shown as `unset`, keeps the other value."""
    return {
        name: replace(about, default=None, unset=about.unset or unset)
        for name, about in options.items()
    }


def check_options(values: Any) -> None:
    """Check the options of a dataclass's instance.

    Raises
    ------
    OptionError
        A value is outside its range or choices; the message names both.
    """
    for name, about in options_of(values).items():
        if problem := about.problem(name, getattr(values, name)):
            raise OptionError(problem)
