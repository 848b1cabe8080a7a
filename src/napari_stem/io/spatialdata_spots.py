"""Spots out of SpatialData: circles or polygons and the table that annotates them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_stem.errors import Hint, OptionError, Remedy, SpotsError, StemError
from napari_stem.extras import extra
from napari_stem.io.naming import named
from napari_stem.io.tables import tidied
from napari_stem.slides.zarr.reader import is_ome_zarr
from napari_stem.spots.source import source_of, with_source
from napari_stem.text import one_line

if TYPE_CHECKING:
    from anndata import AnnData
    from numpy.typing import NDArray

_MARKS = ("zarr.json", ".zgroup", ".zattrs")
_GROUPS = ("tables", "table", "shapes")
_COARSE = ("downscaled", "hires", "lowres", "cytassist")  # smaller pictures and their systems
_BIN = re.compile(r"square_(\d{3})um")


def is_spatialdata(path: Path) -> bool:
    """Whether a folder is a SpatialData store."""
    return (
        path.is_dir()
        and any((path / mark).is_file() for mark in _MARKS)
        and any((path / group).is_dir() for group in _GROUPS)
    )


def read_spatialdata(path: Path, *, bin_um: float | None = None) -> AnnData:
    """The table that annotates shapes, its rows at their centres.

    Coordinates are pixels of the store's full-resolution image, whatever transformations lie
    between the two. Without such an image they are those of the coordinate system "global", or
    else of the first one that is not of a smaller picture.

    Parameters
    ----------
    bin_um
        Bin size of Visium HD in micrometres; default: the largest.

    Raises
    ------
    OptionError
        The package spatialdata is not installed, or the store has no bins.
    SpotsError
        The store is damaged, has no such table or several, or its rows have no shape.
    """
    with extra("spatialdata", "SpatialData"):
        from spatialdata import read_zarr
    try:
        data = read_zarr(path, selection=("shapes", "tables", "images"))
        pairs = _annotating(data)
        name = _chosen(list(pairs), bin_um, path)
        table, shapes = _annotated(data, *pairs[name], path)
        place = _place(data, shapes)
        xy, diameter = _places(shapes, place.matrix)
    except StemError:
        raise
    except Exception as error:
        reason = one_line(error)
        raise SpotsError(
            f"The folder could not be read as SpatialData: {reason}. Folder: '{path}'."
        ) from error
    table.obsm["spatial"] = xy
    entry = {"scalefactors": {**_scalefactors(table), "spot_diameter_fullres": diameter}}
    table.uns["spatial"] = {path.stem: entry}
    with named(path):
        table = tidied(table, path.stem)
    image, sizes = path / "images" / place.image, _bins(pairs)
    source = source_of(table)
    source = replace(
        source,
        format="SpatialData" + (f", {name} µm bins" if isinstance(name, int) else ""),
        pitch_um=float(name) if isinstance(name, int) else source.pitch_um,
        images=(image,) if place.image and is_ome_zarr(image) else (),
        image_size=place.size,
        bins=sizes if len(sizes) > 1 else (),
        folder=path.absolute() if len(sizes) > 1 else None,
    )
    return with_source(table, source)


def _annotating(data: Any) -> dict[str | int, tuple[str, str]]:
    """Tables that annotate shapes, and those shapes: by bin size where they have one, or name."""
    pairs: dict[str | int, tuple[str, str]] = {}
    for name, table in data.tables.items():
        about = table.uns.get("spatialdata_attrs", {})
        for region in np.atleast_1d(about.get("region", [])):
            if region in data.shapes:
                size = _BIN.search(name) or _BIN.search(str(region))
                key = int(size[1]) if size else f"{name} of {region}"
                pairs[key] = (name, str(region))
    return pairs


def _bins(pairs: Mapping[str | int, object]) -> tuple[int, ...]:
    return tuple(sorted(size for size in pairs if isinstance(size, int)))


def _chosen(names: Sequence[str | int], bin_um: float | None, path: Path) -> str | int:
    sizes = [name for name in names if isinstance(name, int)]
    if bin_um is not None:
        if bin_um in sizes:
            return int(bin_um)
        found = ", ".join(map(str, sorted(sizes))) or "none"
        raise OptionError(
            f"There are no bins of {bin_um:g} µm; available: {found}. Folder: '{path}'.",
            hint=Hint(Remedy.BIN, str(max(sizes))) if sizes else Hint(Remedy.NO_BIN),
        )
    if sizes and len(sizes) == len(names):
        return max(sizes)
    if len(names) != 1:
        found = ", ".join(map(str, names)) or "none"
        raise SpotsError(
            f"Exactly one table that annotates shapes is needed; found: {found}. Write a "
            f"store with one section. Folder: '{path}'."
        )
    return names[0]


def _annotated(data: Any, name: str, region: str, path: Path) -> tuple[AnnData, Any]:
    """A copy of the table, and its shapes in the table's order."""
    table, shapes = data.tables[name], data.shapes[region]
    about = table.uns["spatialdata_attrs"]
    rows = table.obs[about["region_key"]].astype(str) == region
    table = table[rows.to_numpy()].copy()
    instances = table.obs[about["instance_key"]]
    missing = ~instances.isin(shapes.index)
    if missing.any():
        raise SpotsError(
            f"Rows of the table without a shape in '{region}': {int(missing.sum())}, for "
            f"example {instances[missing].iloc[0]}. Folder: '{path}'."
        )
    return table, shapes.loc[instances.to_numpy()]


@dataclass(frozen=True, slots=True)
class _Place:
    """From shapes to pixels of a slide: (3, 3), and the image if the store has it."""

    matrix: NDArray[np.float64]
    image: str = ""
    size: tuple[float, float] | None = None


def _place(data: Any, shapes: Any) -> _Place:
    systems = _systems(shapes)
    for name, image in sorted(data.images.items(), key=lambda pair: -_pixels(pair[1])):
        height, width = (_level(image).sizes[axis] for axis in "yx")
        shared = [system for system in _systems(image) if system in systems]
        if shared and not any(word in name for word in _COARSE):
            chosen = "global" if "global" in shared else shared[0]
            to_pixels = np.linalg.inv(_systems(image)[chosen])
            return _Place(to_pixels @ systems[chosen], name, (float(width), float(height)))
    fine = [name for name in systems if not any(word in name for word in _COARSE)]
    return _Place(systems["global" if "global" in systems else (fine or list(systems))[0]])


def _systems(element: Any) -> dict[str, NDArray[np.float64]]:
    """(3, 3) matrices to each coordinate system of an element."""
    from spatialdata.transformations import get_transformation

    found = get_transformation(element, get_all=True)
    return {
        name: change.to_affine_matrix(input_axes=("x", "y"), output_axes=("x", "y"))
        for name, change in found.items()
    }


def _level(image: Any) -> Any:
    """The finest level of an image that may have several."""
    return next(iter(image["scale0"].values())) if hasattr(image, "children") else image


def _pixels(image: Any) -> int:
    level = _level(image)
    return int(level.sizes["y"] * level.sizes["x"])


def _scalefactors(table: AnnData) -> dict[str, Any]:
    known = table.uns.get("spatial")
    entry = next(iter(known.values())) if isinstance(known, dict) and len(known) == 1 else {}
    return dict(entry.get("scalefactors", {})) if isinstance(entry, dict) else {}


def _places(shapes: Any, matrix: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Centres (n, 2) and the median diameter, in pixels of the slide."""
    centres = shapes.geometry.centroid
    xy = np.column_stack([centres.x, centres.y, np.ones(len(shapes))]) @ matrix.T
    if "radius" in shapes:
        diameter = 2 * float(np.median(shapes["radius"]))
    else:
        diameter = 2 * float(np.sqrt(np.median(shapes.geometry.area) / np.pi))
    return xy[:, :2], diameter * float(np.sqrt(abs(np.linalg.det(matrix[:2, :2]))))
