"""What was found and what was assumed about spots: display text that stays with their table."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from anndata import AnnData

_SLOT = "found_and_assumed"


def notes_of(spots: AnnData) -> tuple[str, ...]:
    """The notes of a table, one fact each, in the order in which they were found."""
    return tuple(str(note) for note in np.atleast_1d(spots.uns.get(_SLOT, ())))


def add_notes(spots: AnnData, notes: Iterable[str]) -> None:
    """Add facts to a table, which h5ad files keep; each stands there once."""
    if found := list(dict.fromkeys([*notes_of(spots), *notes])):
        spots.uns[_SLOT] = found
