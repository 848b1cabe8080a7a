"""What comes of a task for a slide, as plain data that travels between machines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a task tells: changes of the manifest's row, or why it failed.

    Attributes
    ----------
    failure
        On one line; "" where it did not fail.
    trace
        Of an error that nobody expected.
    is_last
        Whether nothing is left to do for the slide.
    """

    changes: Mapping[str, Any] = field(default_factory=dict)
    failure: str = ""
    trace: str = ""
    is_last: bool = False
