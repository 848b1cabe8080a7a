"""Data of files that others may have written: what they say is checked once, where it is read.

pydantic, which napari needs anyway, compares values with the annotations of a dataclass, so that a
field is described in one place, and a damaged file is one `ValueError` with the field's name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, TypeVar, overload

from pydantic import TypeAdapter, ValidationError

T = TypeVar("T")


def parse_json(text: str | bytes) -> Any:
    """What a text of JSON says.

    Raises
    ------
    ValueError
        It is no JSON, or nested more deeply than this package ever writes.
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


@overload
def validated(kind: type[T], values: Any) -> T: ...
@overload
def validated(kind: Any, values: Any) -> Any: ...
def validated(kind: Any, values: Any) -> Any:
    """Values of a file as the type that they are to have.

    Parameters
    ----------
    kind
        A dataclass, whose fields are all that there may be, or any other annotated type.

    Raises
    ------
    ValueError
        A value is missing, unknown or of another type; the message begins with its name.
    """
    if is_dataclass(kind) and isinstance(values, Mapping):
        unknown = set(values) - {field.name for field in fields(kind)}
        if unknown:
            raise ValueError(f"{min(map(str, unknown))}: unknown")
    try:
        return _adapter(kind).validate_python(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or getattr(kind, "__name__", str(kind))
        raise ValueError(f"{where}: {first['msg'].removeprefix('Value error, ')}") from error


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
