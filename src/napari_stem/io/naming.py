"""Errors about a spot table end with the file that the table came from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from napari_stem.errors import SpotsError


@contextmanager
def named(path: Path) -> Iterator[None]:
    """Name `path` at the end of errors about a spot table."""
    try:
        yield
    except SpotsError as error:
        raise error.about(f"File: '{path}'.") from error
