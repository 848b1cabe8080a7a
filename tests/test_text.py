"""Messages name a few of many."""

from __future__ import annotations

import pandas as pd
import pytest

from napari_stem.text import a_few, one_line, repeated


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ([], ""),
        (["A"], "A"),
        (["A", "B", "C"], "A, B, C"),
        (["A", "B", "C", "D"], "A, B, C and 1 more"),
        (range(2000), "0, 1, 2 and 1,997 more"),
        (pd.Index(["A", "B", "C", "D", "E"]), "A, B, C and 2 more"),
    ],
)
def test_the_first_names_and_the_number_of_others(names: list[str], text: str):
    assert a_few(names, most=3) == text


def test_repeated_names_are_named_once():
    assert repeated(pd.Index(["A", "B", "A", "C", "B", "A"])) == "A, B"


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError("no\n  such   key."), "no such key"),
        (ValueError(), "ValueError"),
        (ValueError("a value, which nobody expects here"), "a value, which …"),
        (ValueError("/a/path/that/is/longer/than/that"), "/a/path/that/is/long …"),
    ],
)
def test_what_others_say_is_cut_between_words(error: Exception, text: str):
    assert one_line(error, most=20) == text
