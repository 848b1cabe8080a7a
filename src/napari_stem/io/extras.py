"""Formats that need a package which is installed on demand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from napari_stem.errors import OptionError


@contextmanager
def extra(form: str, path: Path) -> Iterator[None]:
    """Around imports of the extra of that name: say how to install it where it is missing."""
    try:
        yield
    except ImportError as error:
        raise OptionError(
            f"'{path}': {form} needs a package more. Run: pip install 'napari-stem[{form.lower()}]'"
        ) from error
