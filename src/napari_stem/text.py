"""Lists and numbers in messages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


def a_few(names: Iterable[object], most: int = 8) -> str:
    """Names with commas; of more than `most`, the first ones and how many more there are."""
    texts = [str(name) for name in names]
    more = len(texts) - most
    return ", ".join(texts[:most]) + (f" and {more:,} more" if more > 0 else "")


def counted(number: int, noun: str) -> str:
    """A number with its noun: "1 gene", "2 genes"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def repeated(names: pd.Index) -> str:
    """A few of the names that come more than once."""
    return a_few(names[names.duplicated()].unique(), most=3)
