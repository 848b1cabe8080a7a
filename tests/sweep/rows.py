"""A row of a sweep: an input whose right answer is known from how it was made, and the verdict."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from napari_stem.errors import StemError


@dataclass(frozen=True, slots=True)
class Row:
    """One case.

    Attributes
    ----------
    name
        What is odd about the input.
    make
        Makes it.
    right
        The right answer, where there is one.
    told
        A pattern that a note must match.
    refused
        A pattern that the refusal must match; "" where the input has a right answer.
    """

    name: str
    make: Callable[..., Any]
    right: Any = None
    told: str = ""
    refused: str = ""


def rows(table: Sequence[Row]) -> pytest.MarkDecorator:
    """Run a test for each row."""
    return pytest.mark.parametrize("row", table, ids=[row.name for row in table])


def check_refusal(row: Row, act: Callable[[], object]) -> None:
    """The answer must be a refusal of one line, of the package's own."""
    with pytest.raises(StemError) as refusal:
        act()
    said = str(refusal.value)
    assert re.search(row.refused, said), said
    assert "\n" not in said


def check_told(row: Row, notes: Iterable[str]) -> None:
    """What was found or assumed must be among the notes."""
    notes = list(notes)
    assert not row.told or any(re.search(row.told, note) for note in notes), notes
