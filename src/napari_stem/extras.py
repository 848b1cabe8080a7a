"""Dependencies that are missing or broken: what to install, if possible before long work."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import packages_distributions
from importlib.util import find_spec

from napari_stem.errors import OptionError, StemError
from napari_stem.text import one_line

# The package of each extra.
PACKAGES = {
    "cohort": "distributed",
    "openslide": "openslide",
    "parquet": "pyarrow",
    "slurm": "dask_jobqueue",
    "spatialdata": "spatialdata",
}


def advice_on(name: str, what: str) -> str:
    """How to install an extra, as display text; "" if it is there. Imports nothing.

    Parameters
    ----------
    what
        Display name of what needs it, such as a format.
    """
    return _advice(name, what) if find_spec(PACKAGES[name]) is None else ""


def repair_of(error: ImportError) -> str:
    """How to mend a dependency that cannot be imported; "" where it is no dependency's fault."""
    package = (error.name or "").partition(".")[0]
    if package in ("", "napari_stem"):
        return ""
    (name, *_) = packages_distributions().get(package, [package])
    return (
        f"The package '{package}' cannot be imported ({one_line(error)}). Its installation seems "
        f"incomplete. Run: pip install --force-reinstall --no-deps {name}"
    )


@contextmanager
def extra(name: str, what: str, error: type[StemError] = OptionError) -> Iterator[None]:
    """Around imports of an extra: raise an `error` that says how to install it."""
    try:
        yield
    except ImportError as cause:
        raise error(_advice(name, what)) from cause


def _advice(name: str, what: str) -> str:
    return f'{what} needs an optional dependency: pip install "napari-stem[{name}]".'
