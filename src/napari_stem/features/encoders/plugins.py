"""Encoders of other packages, which offer them as entry points of the group below.

A package that brings an encoder states in its `pyproject.toml`::

    [project.entry-points."napari_stem.encoders"]
    my-encoder = "my_package:ENCODER"

where `ENCODER` is an `Encoder`, or several of them, with a `build` or timm's `architecture`.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection
from importlib.metadata import EntryPoint, entry_points

from napari_stem.features.encoders.entry import Encoder
from napari_stem.text import one_line

GROUP = "napari_stem.encoders"


def plugin_encoders(taken: Collection[str] = ()) -> dict[str, Encoder]:
    """What installed packages offer, by name; what is broken is left out with a warning.

    Parameters
    ----------
    taken
        Names that no plugin may have.
    """
    found: dict[str, Encoder] = {}
    for point in entry_points(group=GROUP):
        for entry in _load(point):
            if entry.name in taken or entry.name in found:
                _warn(point, f"the name '{entry.name}' is already in use")
            else:
                found[entry.name] = entry
    return found


def _load(point: EntryPoint) -> list[Encoder]:
    try:
        loaded = point.load()
        entries = [loaded] if isinstance(loaded, Encoder) else list(loaded)
    except Exception as error:  # noqa: BLE001  # whatever others' code raises
        _warn(point, f"{type(error).__name__}: {one_line(error)}")
        return []
    if wrong := [entry for entry in entries if not _is_complete(entry)]:
        _warn(
            point,
            f"{one_line(repr(wrong[0]))} is not an Encoder with a `build` or an `architecture`",
        )
        return []
    return entries


def _is_complete(entry: object) -> bool:
    return isinstance(entry, Encoder) and bool(entry.build or entry.architecture)


def _warn(point: EntryPoint, reason: str) -> None:
    package = point.dist.name if point.dist else point.value
    warnings.warn(
        f"Encoder plugin '{point.name}' of package {package} was not loaded: {reason}.",
        stacklevel=2,
    )
