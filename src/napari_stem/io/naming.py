"""Errors of spot tables say which file the table came from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from napari_stem.errors import SpotsError


@contextmanager
def named(path: Path) -> Iterator[None]:
    """Put `path` before what a spot table is refused for."""
    try:
        yield
    except SpotsError as error:
        raise error.about(f"'{path}'") from error
