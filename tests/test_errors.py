"""The error tree is what its docstring draws."""

from __future__ import annotations

import inspect

from napari_stem import errors

TREE = [error for _, error in inspect.getmembers(errors, inspect.isclass)]


def test_every_error_is_a_stem_error_and_none_is_lost_on_the_way():
    for error in TREE:
        assert issubclass(error, errors.StemError)
        assert not issubclass(error, (RuntimeError, KeyError))
        assert str(error("what, where, what to do")) == "what, where, what to do"


def test_every_error_is_drawn_in_the_module_docstring():
    assert errors.__doc__ is not None
    for error in TREE:
        assert error.__name__ in errors.__doc__
