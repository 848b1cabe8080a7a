"""Wording of lists, numbers and foreign error texts in messages."""

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
    """A few of the names that occur more than once."""
    return a_few(names[names.duplicated()].unique(), most=3)


def printable(text: str) -> str:
    """A text that UTF-8 can hold: what a file name in another encoding holds becomes "?"."""
    return text.encode("utf-8", "replace").decode()


def one_line(error: object, most: int = 160) -> str:
    """What an error says, on one line, cut between words, without a full stop at its end.

    An error without a message is named by its type.
    """
    text = " ".join(str(error).split()) or type(error).__name__
    if len(text) <= most:
        return text.rstrip(".")
    return f"{text[:most].rsplit(' ', 1)[0].rstrip(' .,;:')} …"
