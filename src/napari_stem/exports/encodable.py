"""Texts of a table as UTF-8 can hold them: a file name in another encoding fails no export."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from napari_stem.text import printable

if TYPE_CHECKING:
    from anndata import AnnData


def encodable(table: AnnData) -> AnnData:
    """The table itself where all of its texts are valid, otherwise a copy with "?" in them."""
    if all(map(_is_valid, _texts(table))):
        return table
    clean = table.copy()
    clean.uns = _cleaned(dict(table.uns))
    for frame in (clean.obs, clean.var):
        frame.index = pd.Index([printable(str(name)) for name in frame.index])
        frame.columns = [printable(str(name)) for name in frame.columns]
        for name in frame.columns:
            if _holds_text(frame[name]):
                frame[name] = frame[name].map(_cleaned, na_action="ignore")
    return clean


def _is_valid(text: str) -> bool:
    return printable(text) == text


def _texts(table: AnnData) -> Iterator[str]:
    yield from _texts_in(dict(table.uns))
    for frame in (table.obs, table.var):
        yield "".join(map(str, (*frame.index, *frame.columns)))
        for name in frame.columns:
            if _holds_text(frame[name]):
                yield "".join(map(str, frame[name].unique()))


def _texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, part in value.items():
            yield str(key)
            yield from _texts_in(part)
    elif isinstance(value, list | tuple) or _is_text_array(value):
        for part in value:
            yield from _texts_in(part)


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {printable(str(key)): _cleaned(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_cleaned(part) for part in value]
    return np.array([_cleaned(part) for part in value]) if _is_text_array(value) else value


def _is_text_array(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind in "OU" and value.ndim == 1


def _holds_text(column: pd.Series) -> bool:
    return not pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
