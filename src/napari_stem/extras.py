"""Optional dependencies: errors say how to install them, if possible before long work."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from napari_stem.errors import OptionError, StemError

# The package of each extra.
_PACKAGES = {"openslide": "openslide", "parquet": "pyarrow", "spatialdata": "spatialdata"}


def check_extra(name: str, what: str) -> None:
    """Refuse what needs an extra that is not installed; imports nothing.

    Parameters
    ----------
    what
        Display name of what needs it, such as a format.

    Raises
    ------
    OptionError
        It is not installed.
    """
    if find_spec(_PACKAGES[name]) is None:
        raise OptionError(_advice(name, what))


@contextmanager
def extra(name: str, what: str, error: type[StemError] = OptionError) -> Iterator[None]:
    """Around imports of an extra: raise an `error` that says how to install it."""
    try:
        yield
    except ImportError as cause:
        raise error(_advice(name, what)) from cause


def _advice(name: str, what: str) -> str:
    return f'{what} needs an optional dependency: pip install "napari-stem[{name}]".'
