"""Tables as other programs of the field write them, turned into spot tables of one slide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy import sparse

from napari_stem.errors import CountsError, Hint, Remedy, SpotsError
from napari_stem.genes.names import unique_names
from napari_stem.io.pictures import size_by_arrays
from napari_stem.spots.notes import add_notes
from napari_stem.spots.pitch import is_alternating
from napari_stem.spots.source import Source, source_of, with_source
from napari_stem.spots.table import (
    is_raw,
    positions,
    scale_factors,
    spaced_diameter,
    spot_diameter,
)
from napari_stem.spots.visium import PITCH_UM
from napari_stem.text import a_few, counted, repeated

if TYPE_CHECKING:
    from numpy.typing import NDArray

_COUNT_LAYERS = ("counts", "raw_counts", "raw")
_DIAMETER = "spot_diameter_fullres"
_ARRAY = ["array_col", "array_row"]
_FEW_TWICE = 0.1  # of the spots; merged tables repeat nearly all places of an array
_OF_SLIDES = frozenset({"library_id", "library", "sample_id", "sample", "slide", "section"})
_INSIDE = frozenset({"1", "1.0", "true", "yes"})
_OUTSIDE = frozenset({"0", "0.0", "false", "no", "nan"})


def tidied(table: AnnData, name: str, *, library: str = "", layer: str = "") -> AnnData:
    """A spot table of one slide, with what was found and assumed as its notes.

    Parameters
    ----------
    table
        Rows with `obsm["spatial"]`; a prediction is returned as it is.
    name
        Of the slide, where the table does not tell.
    library, layer
        As of `read_h5ad`.

    Raises
    ------
    SpotsError
        The rows are of several slides, or have no coordinates.
    CountsError
        There is no such layer.
    """
    if "napari_stem" in table.uns:
        positions(table)
        spot_diameter(table)
        return table
    _plain_names(table)
    notes: list[str] = []
    table = _of_library(table, name, library, notes)
    table = _in_tissue(table, notes)
    _check_one_array(table)
    table = _counted(table, layer, notes)
    if not table.obs_names.is_unique:
        notes.append(
            f"spot ids that occur more than once are numbered: {repeated(table.obs_names)}"
        )
        table.obs_names = unique_names(table.obs_names)
    _with_diameter(table, notes)
    source = _source(table, notes)
    add_notes(table, notes)
    return with_source(table, source)


def _plain_names(table: AnnData) -> None:
    """Names and texts as objects: nullable strings cannot be written or compared everywhere."""
    for frame in (table.obs, table.var):
        frame.index = pd.Index([str(name) for name in frame.index], dtype=object)
        for column in frame.columns:
            if isinstance(frame[column].dtype, pd.StringDtype):
                frame[column] = frame[column].astype(object).where(frame[column].notna(), None)


def _of_library(table: AnnData, name: str, library: str, notes: list[str]) -> AnnData:
    """The rows of one slide, which alone `uns["spatial"]` describes."""
    known = table.uns.get("spatial")
    entries = {
        str(key): entry
        for key, entry in (known.items() if isinstance(known, Mapping) else ())
        if isinstance(entry, Mapping) and ({"scalefactors", "images"} & set(entry))
    }
    rows = _rows_by_library(table, entries)
    if library and library not in (rows or entries):
        raise SpotsError(
            f"There is no slide '{library}' in the table; it has {a_few(rows or entries)}.",
            hint=Hint(Remedy.LIBRARY, next(iter(rows or entries), "")),
        )
    if len(entries) > 1 and not rows:
        raise SpotsError(
            f"uns['spatial'] describes {len(entries)} slides ({a_few(entries)}), but no column of "
            "obs tells which row is of which. Add a column library_id with these names."
        )
    if len(rows) > 1 and not library:
        found = a_few(f"{key}: {counted(int(there.sum()), 'spot')}" for key, there in rows.items())
        raise SpotsError(
            f"The table has rows of {len(rows)} slides ({found}). Choose one.",
            hint=Hint(Remedy.LIBRARY, next(iter(rows))),
        )
    chosen = library or next(iter(rows or entries), name)
    if chosen in rows and not rows[chosen].all():
        if not library:
            others = int((~rows[chosen]).sum())
            notes.append(
                f"{counted(others, 'spot')} of other slides than '{chosen}', which alone "
                "uns['spatial'] describes, are left out"
            )
        table = table[rows[chosen]].copy()
    table.uns["spatial"] = {chosen: dict(entries.get(chosen, {}))}
    return table


def _rows_by_library(table: AnnData, entries: Mapping[str, Any]) -> dict[str, NDArray[np.bool_]]:
    """Rows of each slide, by the first column that names slides, if there is one.

    It has no other values, or a name that says so.
    """
    for column in table.obs.columns:
        values = table.obs[column].astype(str)
        found = {key: (values == key).to_numpy() for key in entries if (values == key).any()}
        only = len(entries) > 1 and set(values) <= set(entries)
        if found and (only or str(column).casefold() in _OF_SLIDES):
            return found
    return {}


def _in_tissue(table: AnnData, notes: list[str]) -> AnnData:
    """Without the rows that Space Ranger found beside the tissue."""
    if "in_tissue" not in table.obs:
        return table
    values = table.obs["in_tissue"].astype(str).str.casefold()
    if unknown := sorted(set(values) - _INSIDE - _OUTSIDE):
        notes.append(f"in_tissue has {a_few(unknown)}, neither 1 nor 0, and is not looked at")
        return table
    inside = values.isin(_INSIDE).to_numpy()
    if inside.all():
        return table
    if not inside.any():
        notes.append("in_tissue is never 1, and is not looked at")
        return table
    notes.append(f"{counted(int((~inside).sum()), 'spot')} with in_tissue 0 are left out")
    return table[inside].copy()


def _check_one_array(table: AnnData) -> None:
    """Refuse rows of several arrays, and spots without places of their own."""
    xy = positions(table)
    if len(xy) > 1 and not np.ptp(xy, axis=0).any():
        raise SpotsError(
            f"All {len(xy):,} spots lie in one place, ({xy[0, 0]:g}, {xy[0, 1]:g}). Check the "
            "coordinates in obsm['spatial']."
        )
    if set(_ARRAY) <= set(table.obs):
        twice = int(table.obs.duplicated(_ARRAY).sum())
        if twice > _FEW_TWICE * len(xy):
            raise SpotsError(
                f"{counted(twice, 'spot')} share array_row and array_col with another one: the "
                "table has rows of several arrays. Select those of one slide, or add a column "
                "library_id that names the slide of each row."
            )


def _counted(table: AnnData, layer: str, notes: list[str]) -> AnnData:
    """The table with raw counts in X, if it has any."""
    if layer:
        if layer not in table.layers:
            raise CountsError(
                f"There is no layer '{layer}'; the table has {a_few(table.layers) or 'none'}.",
                hint=Hint(Remedy.LAYER, next(iter(table.layers), "NAME")),
            )
        table.X = table.layers[layer].copy()
        notes.append(f"counts are those of layers['{layer}']")
        return table
    if not table.n_vars or (table.X is not None and is_raw(table.X)):
        return table
    for name in _COUNT_LAYERS:
        if name in table.layers and is_raw(table.layers[name]):
            table.X = table.layers[name].copy()
            notes.append(f"counts are those of layers['{name}']; X has no raw counts")
            return table
    if table.raw is not None and is_raw(table.raw.X):
        whole = table.raw.to_adata()
        whole.X = sparse.csr_matrix(whole.X)
        notes.append("counts are those of .raw; X has no raw counts")
        return whole
    what = "X is empty" if table.X is None else "X has no raw counts"
    notes.append(f"{what}, and neither have layers['counts'] and .raw; training needs raw counts")
    return table


def _with_diameter(table: AnnData, notes: list[str]) -> None:
    """Make sure that the table states a diameter: its own, or what the spacing suggests."""
    (key, entry), *_ = table.uns["spatial"].items()
    factors = {name: _plain(value) for name, value in (entry.get("scalefactors") or {}).items()}
    xy = positions(table)
    if not _positive(factors.get(_DIAMETER)):
        factors[_DIAMETER] = spaced_diameter(xy)
        notes.append(f"spot diameter of {factors[_DIAMETER]:.3g} px estimated from the spacing")
    table.uns["spatial"][key] = {**entry, "scalefactors": factors}


def _source(table: AnnData, notes: list[str]) -> Source:
    known = source_of(table)
    (entry,) = table.uns["spatial"].values()
    size = known.image_size or size_by_arrays(entry.get("images") or {}, scale_factors(table))
    pitch = known.pitch_um
    if pitch is None and set(_ARRAY) <= set(table.obs):
        array = table.obs[_ARRAY].apply(pd.to_numeric, errors="coerce").to_numpy(float)
        if is_alternating(array):
            pitch = PITCH_UM
            notes.append("array_row and array_col are those of Visium: a pitch of 100 µm")
    return replace(known, pitch_um=pitch, image_size=size)


def _plain(value: Any) -> Any:
    """A number, where a text or an array of one states it."""
    try:
        number = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        return value
    return float(number.item()) if number.size == 1 else value


def _positive(value: object) -> bool:
    return isinstance(value, int | float | np.number) and 0 < float(value) < np.inf
