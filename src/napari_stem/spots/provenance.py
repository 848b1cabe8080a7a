"""What predictions and checkpoints record about how they were made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from importlib.metadata import version
from pathlib import PurePath
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pandas.api.types import is_numeric_dtype
from pydantic import Field, Json
from scipy.sparse import issparse

from napari_stem.errors import SpotsError, WrongType
from napari_stem.text import counted, one_line, printable
from napari_stem.validation import validated

if TYPE_CHECKING:
    from anndata import AnnData

PATHS = ("slide_path", "checkpoint_path")  # entries that say where files lie on this machine
_EXPECTED = "a prediction (what predict returns)"
_COLOURS = ((3,), (4,))  # of a pixel
_DIGITS = 8  # of a digest, in its place as a name
_SOFTWARE = ("napari-stem", "torch", "timm")


@dataclass(frozen=True, slots=True)
class _Record:
    """What entries of `uns["napari_stem"]` may be; there are others, and older files lack some."""

    recipe: str = ""
    unit: str = ""
    sampler: str = ""
    steps: Annotated[int, Field(ge=1, le=100_000)] = 1
    seed: Annotated[int, Field(ge=0)] = 0
    n_draws: Annotated[int, Field(ge=1, le=100_000)] = 1
    depth: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    threshold: Annotated[float, Field(allow_inf_nan=False)] = 0.0
    slide: str = ""
    slide_path: str = ""
    slide_fingerprint: str = ""
    slide_picture: Annotated[int, Field(ge=0, le=100_000)] = 0
    mpp: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    checkpoint: str = ""
    checkpoint_path: str = ""
    draws: str = ""
    drawn_for: str = ""
    seen: str = ""
    versions: Json[dict[str, str]] = field(default_factory=dict)
    view: str = ""
    notes: Annotated[list[str], Field(max_length=10_000)] = field(default_factory=list)
    warnings: Annotated[list[str], Field(max_length=10_000)] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Origin:
    """What a prediction was made of, as far as its record says; `str` is one line of it."""

    slide: str
    checkpoint: str
    n_draws: int

    def __str__(self) -> str:
        draws = counted(self.n_draws, "draw") if self.n_draws else ""
        return " · ".join(filter(None, (self.slide, self.checkpoint, draws)))


_Size = Annotated[float, Field(gt=0, allow_inf_nan=False)]


@dataclass(frozen=True, slots=True)
class _ScaleFactors:
    """How the picture of a prediction and its spots are scaled."""

    tissue_hires_scalef: _Size = 1.0
    spot_diameter_fullres: _Size = 1.0


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
    from anndata import AnnData  # not before there is one: it takes a second, windows need none

    if not isinstance(prediction, AnnData):
        raise WrongType.of(name, prediction, _EXPECTED)
    about: dict[str, Any] | None = prediction.uns.get("napari_stem")
    lacking = [f"[{key!r}]" for key in needed if key not in (about or {})]
    if about is None or lacking:
        where = f"uns['napari_stem']{lacking[0] if about is not None else ''}"
        raise WrongType(f"{name} must be {_EXPECTED}, got a table that lacks {where}.")
    return about


def origin(prediction: AnnData) -> Origin:
    """Slide, checkpoint and number of draws of a prediction.

    A checkpoint whose path is not known is called by the first digits of its digest.
    """
    about = provenance(prediction)
    n_draws = about.get("n_draws", 0)
    digest = str(about.get("checkpoint", ""))[:_DIGITS]
    checkpoint = PurePath(str(about.get("checkpoint_path", ""))).stem
    return Origin(
        printable(str(about.get("slide", ""))),
        printable(checkpoint) or (digest and f"checkpoint {digest}"),
        int(n_draws) if isinstance(n_draws, int | np.integer) else 0,
    )


def check_record(prediction: AnnData) -> None:
    """Check what a file says of how its prediction was made, if it is one.

    Raises
    ------
    SpotsError
        An entry has a value that no prediction has.
    """
    about = prediction.uns.get("napari_stem", {})
    try:
        _check(_Record, about)
        if about:
            _check_table(prediction)
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise SpotsError(
            f"The record of how the prediction was made is damaged: {one_line(error)}. Predict "
            "again."
        ) from error


def _check_table(prediction: AnnData) -> None:
    """Compare pictures and numbers of a prediction with what it may hold."""
    for entry in prediction.uns.get("spatial", {}).values():
        _check(_ScaleFactors, entry["scalefactors"])
        if "images" in entry:
            picture = np.asarray(entry["images"]["hires"])
            if picture.dtype != np.uint8 or not picture.size or picture.shape[2:] not in _COLOURS:
                raise ValueError("hires: no picture of a slide")
            if "tissue_hires_scalef" not in entry["scalefactors"]:
                raise ValueError("tissue_hires_scalef: missing")
    for table, name in ((prediction.obs, "ood"), (prediction.var, "held_out_pcc")):
        if name in table and not is_numeric_dtype(table[name]):
            raise ValueError(f"{name}: no numbers")
    if "recipe" in prediction.uns["napari_stem"] and "std" not in prediction.layers:
        raise ValueError("layers: no std")
    values = prediction.X.data if issparse(prediction.X) else prediction.X
    if not np.isfinite(values).all():
        raise ValueError("X: values that are not finite")


def _check(kind: type, entries: Mapping[str, Any]) -> None:
    """Compare those entries that are known with what they may be."""
    known = {each.name: entries[each.name] for each in fields(kind) if each.name in entries}
    numpy = (np.ndarray, np.generic)
    validated(kind, {name: x.tolist() if isinstance(x, numpy) else x for name, x in known.items()})


def software_versions() -> dict[str, str]:
    """The versions of the packages on which numbers depend, by their names."""
    return {name: version(name) for name in _SOFTWARE}
