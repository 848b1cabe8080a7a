"""Options as data: one field of a dataclass says its default, range and words to every front end.

The docks build their forms of these fields, the terminal its flags, and Python checks them, so
that a new option is one line.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from napari_stem.errors import OptionError

_OPTION = "option"
Choices = Mapping[Any, str]


@dataclass(frozen=True, slots=True)
class Option:
    """What people read of an option, and which values it takes.

    Attributes
    ----------
    label
        Its name in a form.
    help
        What changing it does, in a sentence.
    unit
        Of a number, for people.
    minimum, maximum
        Of a number, both allowed.
    step
        By which a form's arrows change a number.
    choices
        Allowed values with their names for people, or a function that gives them.
    unset
        What None means, for people; "" where None is no value.
    advanced
        Whether forms fold it away.
    flag
        Its name in the terminal where that differs from the field's.
    """

    label: str
    help: str
    unit: str = ""
    minimum: float = -math.inf
    maximum: float = math.inf
    step: float | None = None
    choices: Choices | Callable[[], Choices] | None = None
    unset: str = ""
    advanced: bool = False
    flag: str = ""

    def allowed(self) -> Choices | None:
        """The allowed values with their names; None where any value within the range is."""
        return self.choices() if callable(self.choices) else self.choices

    def problem(self, name: str, value: Any) -> str:
        """What is wrong with a value, "" if nothing is."""
        if value is None and self.unset:
            return ""
        if (allowed := self.allowed()) is not None:
            known = ", ".join(map(str, allowed))
            return "" if value in allowed else f"{name} '{value}' is unknown; choose {known}."
        if isinstance(value, bool | str) or not isinstance(value, int | float):
            return ""
        if self.minimum <= value <= self.maximum:
            return ""
        return f"{name} is {value}; it must be {self._range()}."

    def _range(self) -> str:
        if math.isinf(self.maximum):
            return f"at least {self.minimum:g}"
        return f"between {self.minimum:g} and {self.maximum:.10g}"


def option(default: Any, label: str, help: str, **more: Any) -> Any:  # noqa: A002  # as argparse
    """A dataclass field that is an option; `more` are further fields of `Option`."""
    return field(default=default, metadata={_OPTION: Option(label, help, **more)})


def options_of(kind: type | Any, names: Iterable[str] = ()) -> dict[str, Option]:
    """The options of a dataclass by name: all, or those of `names`."""
    wanted = set(names)
    return {
        part.name: part.metadata[_OPTION]
        for part in fields(kind)
        if _OPTION in part.metadata and (not wanted or part.name in wanted)
    }


def check_options(values: Any) -> None:
    """Check the options of a dataclass's instance.

    Raises
    ------
    OptionError
        One is out of its range or not among its choices; the message names both.
    """
    for name, about in options_of(values).items():
        if problem := about.problem(name, getattr(values, name)):
            raise OptionError(problem)
