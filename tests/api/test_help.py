"""What `help` says of the public names, and that its examples run."""

from __future__ import annotations

import doctest
import inspect
from typing import Any

import pytest

import napari_stem as stem

FUNCTIONS = [name for name in stem.__all__ if inspect.isroutine(getattr(stem, name))]
TWINS = [name for name in FUNCTIONS if name.startswith("iter_")]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_help_tells_every_parameter_and_the_result(name: str):
    function = getattr(stem, name)
    text = inspect.getdoc(function) or ""
    told = text.split("Parameters\n----------")[-1].split("Raises\n------")[0]
    for parameter in inspect.signature(function).parameters:
        assert parameter in told, parameter
    gives = inspect.signature(function).return_annotation
    assert gives in (None, "None") or "Returns\n-------" in text
    assert "without the events" not in text


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name not in TWINS])
def test_examples_run_as_printed(name: str, names: dict[str, Any]):
    function = getattr(stem, name)
    (example,) = doctest.DocTestFinder(recurse=False).find(
        inspect.unwrap(function), name, globs=names
    )
    assert example.examples
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    failed, _ = runner.run(example)
    assert not failed


def test_the_twin_of_a_verb_takes_what_the_verb_takes_but_the_listeners():
    for name in TWINS:
        verb = inspect.signature(getattr(stem, name.removeprefix("iter_"))).parameters
        twin = inspect.signature(getattr(stem, name)).parameters
        assert set(verb) - set(twin) == {"progress", "on_event"}
        assert inspect.isgeneratorfunction(inspect.unwrap(getattr(stem, name)))
