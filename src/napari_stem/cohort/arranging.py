"""The slides of a cohort, filtered and sorted, and how many are in each state."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, TypeAlias

from napari_stem.cohort.manifest import Row, State

Means: TypeAlias = Mapping[tuple[str, str], float]
Natural: TypeAlias = list[tuple[int, str]]

URGENCY: tuple[State, ...] = ("failed", "running", "waiting", "done")
_DIGITS = re.compile(r"(\d+)")


class SortBy(StrEnum):
    """What slides are sorted by; the value is display text."""

    NAME = "name"
    MEAN = "mean of spots"
    FOREIGN = "unlike training"
    STATE = "state"
    PATIENT = "patient"


_LARGEST_FIRST = (SortBy.MEAN, SortBy.FOREIGN)


def arranged(
    rows: Iterable[Row],
    means: Means,
    by: SortBy = SortBy.NAME,
    *,
    backwards: bool = False,
    text: str = "",
    state: str = "",
) -> list[Row]:
    """The rows that match a filter, in order; slides of equal rank by their names.

    Parameters
    ----------
    means
        Mean of the shown value, by identity.
    by
        Of numbers the largest comes first; slides without one come last, also backwards.
    text
        Words that must all occur in name, patient, path or reason; capitals do not count.
    state
        The only state to show; "" for all.
    """
    words = text.casefold().split()
    shown = [
        row
        for row in rows
        if state in ("", row.state) and all(word in _searched(row) for word in words)
    ]
    shown.sort(key=lambda row: natural(row.name))
    ranks = {row.identity: _rank(row, means, by) for row in shown}
    known = [row for row in shown if ranks[row.identity] is not None]
    known.sort(key=lambda row: ranks[row.identity], reverse=backwards != (by in _LARGEST_FIRST))
    return known + [row for row in shown if ranks[row.identity] is None]


def natural(text: str) -> Natural:
    """A key that sorts "slide 2" before "slide 10"."""
    parts = _DIGITS.split(text.casefold())
    return [(int(part), "") if part.isdecimal() else (0, part) for part in parts]


def said_of(rows: Iterable[Row]) -> str:
    """How many slides are in each state, as display text."""
    counts = Counter(row.state for row in rows)
    return ", ".join(f"{counts[state]:,} {state}" for state in reversed(URGENCY) if counts[state])


def _searched(row: Row) -> str:
    return " ".join((row.name, row.patient, row.slide, row.reason)).casefold()


def _rank(row: Row, means: Means, by: SortBy) -> Any:
    """What a row is sorted by; None where that is not known."""
    match by:
        case SortBy.NAME:
            return natural(row.name)
        case SortBy.MEAN:
            return means.get(row.identity)
        case SortBy.FOREIGN:
            return row.ood_share
        case SortBy.STATE:
            return URGENCY.index(row.state)
        case SortBy.PATIENT:
            return natural(row.patient) if row.patient else None
