"""Spots out of SpatialData: circles or polygons and the table that annotates them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_stem.errors import SpotsError
from napari_stem.extras import extra
from napari_stem.io.naming import named
from napari_stem.io.source import Source, with_source
from napari_stem.spots.table import positions, spot_diameter
from napari_stem.text import one_line

if TYPE_CHECKING:
    from anndata import AnnData
    from numpy.typing import NDArray

_MARKS = ("zarr.json", ".zgroup", ".zattrs")
_GROUPS = ("tables", "table", "shapes")
_COARSE = ("downscaled", "hires", "lowres")  # coordinate systems of smaller pictures


def is_spatialdata(path: Path) -> bool:
    """Whether a folder is a SpatialData store."""
    return (
        path.is_dir()
        and any((path / mark).is_file() for mark in _MARKS)
        and any((path / group).is_dir() for group in _GROUPS)
    )


def read_spatialdata(path: Path) -> AnnData:
    """The table that annotates shapes, its rows at their centres.

    Coordinates are in the coordinate system "global", or else in the first one that is not of a
    smaller picture: level-0 pixels, where the store was made of a slide and its spots.

    Raises
    ------
    OptionError
        The package spatialdata is not installed.
    SpotsError
        The store is damaged, has no such table or several, or its rows have no shape.
    """
    with extra("spatialdata", "SpatialData"):
        from spatialdata import read_zarr
    try:
        data = read_zarr(path, selection=("shapes", "tables"))
        table, shapes = _annotated(data, path)
        xy, diameter = _places(shapes)
    except SpotsError:
        raise
    except Exception as error:
        reason = one_line(error)
        raise SpotsError(
            f"The folder could not be read as SpatialData: {reason}. Folder: '{path}'."
        ) from error
    table.obsm["spatial"] = xy
    known = table.uns.get("spatial")
    kept = dict(known) if isinstance(known, dict) and len(known) == 1 else {path.stem: {}}
    entry = kept[next(iter(kept))]
    entry.setdefault("scalefactors", {})["spot_diameter_fullres"] = diameter
    table.uns["spatial"] = kept
    with named(path):
        positions(table)
        spot_diameter(table)
    return with_source(table, Source("SpatialData"))


def _annotated(data: Any, path: Path) -> tuple[AnnData, Any]:
    """A copy of the table, and its shapes in the table's order."""
    pairs = {}
    for name, table in data.tables.items():
        about = table.uns.get("spatialdata_attrs", {})
        regions = np.atleast_1d(about.get("region", []))
        for region in regions:
            if region in data.shapes:
                pairs[f"{name} of {region}"] = (table, str(region), about)
    if len(pairs) != 1:
        found = ", ".join(pairs) or "none"
        raise SpotsError(
            f"Exactly one table that annotates shapes is needed; found: {found}. Write a "
            f"store with one section. Folder: '{path}'."
        )
    (table, region, about), *_ = pairs.values()
    rows = table.obs[about["region_key"]].astype(str) == region
    table = table[rows.to_numpy()].copy()
    instances, shapes = table.obs[about["instance_key"]], data.shapes[region]
    missing = ~instances.isin(shapes.index)
    if missing.any():
        raise SpotsError(
            f"Rows of the table without a shape in '{region}': {int(missing.sum())}, for "
            f"example {instances[missing].iloc[0]}. Folder: '{path}'."
        )
    return table, shapes.loc[instances.to_numpy()]


def _places(shapes: Any) -> tuple[NDArray[np.float64], float]:
    """Centres (n, 2) and the median diameter, in pixels of the slide."""
    from spatialdata.transformations import get_transformation

    systems = get_transformation(shapes, get_all=True)
    fine = [name for name in systems if not any(word in name for word in _COARSE)]
    chosen = "global" if "global" in systems else (fine or list(systems))[0]
    matrix = systems[chosen].to_affine_matrix(input_axes=("x", "y"), output_axes=("x", "y"))
    centres = shapes.geometry.centroid
    xy = np.column_stack([centres.x, centres.y, np.ones(len(shapes))]) @ matrix.T
    if "radius" in shapes:
        diameter = 2 * float(np.median(shapes["radius"]))
    else:
        diameter = 2 * float(np.sqrt(np.median(shapes.geometry.area) / np.pi))
    return xy[:, :2], diameter * float(np.sqrt(abs(np.linalg.det(matrix[:2, :2]))))
