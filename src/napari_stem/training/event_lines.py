"""Events as lines of JSON, which one process writes and another reads."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np

from napari_stem.events import Event, Loss, Metrics, Partial, Progress, Variation
from napari_stem.validation import parse_json

_KIND = "event"
_KINDS: dict[str, Callable[..., Event]] = {
    kind.__name__: kind for kind in (Progress, Partial, Loss, Metrics, Variation)
}
_KINDS["Figures"] = Metrics  # its name in the histories of earlier runs


def to_line(event: Event) -> str:
    """One event as one line; of a `Partial` without its arrays."""
    values: dict[str, Any]
    if isinstance(event, Partial):
        values = {"draws": event.draws, "total": event.total}
    else:
        values = asdict(event)
    return json.dumps({_KIND: type(event).__name__, **values}, separators=(",", ":"))


def from_line(line: str | bytes) -> Event | None:
    """The event that `to_line` wrote; None where a line is something else, or cut off.

    The mean of a `Partial` stayed behind: it is (0, 0).
    """
    try:
        values = parse_json(line)
        kind = _KINDS[values.pop(_KIND)]
        if kind is Partial:
            values["mean"] = np.empty((0, 0), np.float32)
        return kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})
    except (ValueError, TypeError, LookupError, AttributeError):
        return None
