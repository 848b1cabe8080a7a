"""What predictions and checkpoints record about how they were made."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from anndata import AnnData

from napari_stem.errors import WrongType

PATHS = ("slide_path", "checkpoint_path")  # entries that say where files lie on this machine
_EXPECTED = "a prediction (what predict returns)"
_SOFTWARE = ("napari-stem", "torch", "timm")


def provenance(prediction: AnnData, *needed: str, name: str = "prediction") -> dict[str, Any]:
    """How a prediction was made: its `uns["napari_stem"]`.

    Parameters
    ----------
    needed
        Keys that it must have.
    name
        What the caller calls the table.

    Raises
    ------
    WrongType
        The table is no prediction, or one that lacks these keys.
    """
    if not isinstance(prediction, AnnData):
        raise WrongType.of(name, prediction, _EXPECTED)
    about: dict[str, Any] | None = prediction.uns.get("napari_stem")
    lacking = [f"[{key!r}]" for key in needed if key not in (about or {})]
    if about is None or lacking:
        where = f"uns['napari_stem']{lacking[0] if about is not None else ''}"
        raise WrongType(f"{name} must be {_EXPECTED}, got a table that lacks {where}.")
    return about


def software_versions() -> dict[str, str]:
    """The versions of the packages on which numbers depend, by their names."""
    return {name: version(name) for name in _SOFTWARE}
