"""OME-Zarr pictures as slides (versions 0.4 and 0.5 of the format)."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from napari_stem.errors import SlideUnreadable
from napari_stem.slides.factors import Stored, fit_levels
from napari_stem.slides.mpp import Stated, choose_mpp, micrometres
from napari_stem.slides.pyramid import Converted, Level, SlideFile

_METADATA = (".zattrs", "zarr.json")
_LARGEST_CHUNK = 64_000_000  # pixels that are decoded to read one
_RGB = ("FF0000", "00FF00", "0000FF")


def is_ome_zarr(path: Path) -> bool:
    """Whether a folder is an OME-Zarr picture."""
    return path.is_dir() and _multiscale(path) is not None


def open_zarr(path: Path) -> SlideFile:
    """Open the first picture of an OME-Zarr folder.

    Raises
    ------
    SlideUnreadable
        It is not an 8-bit RGB image.
    """
    picture = _multiscale(path)
    if picture is None:
        raise SlideUnreadable(
            f"This is not an OME-Zarr image: its metadata lack multiscales. Folder: '{path}'."
        )
    axes = _axes(picture)
    group = zarr.open_group(path, mode="r")
    stored = [group[dataset["path"]] for dataset in picture["datasets"]]
    _check_rgb(path, stored[0], axes, _omero(path))
    fitted, notes = fit_levels([_stored(array, axes) for array in stored])
    levels = tuple(one.level for one in fitted)
    scale = choose_mpp([_stated(picture, axes)])
    return SlideFile(levels, scale, _identity(path, levels[-1]), notes=notes)


def _stored(array: Any, axes: str) -> Stored:
    height, width = (array.chunks[axes.index(axis)] for axis in "YX")
    return Stored(Converted(array, axes), (height, width))


def _attributes(path: Path) -> dict[str, Any]:
    """What the folder says of itself: at the top in version 0.4, below "ome" in 0.5."""
    for name in _METADATA:
        try:
            found = json.loads((path / name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        for below in ("attributes", "ome"):
            if isinstance(found, dict):
                found = found.get(below, found)
        if isinstance(found, dict):
            return found
    return {}


def _multiscale(path: Path) -> dict[str, Any] | None:
    pictures = _attributes(path).get("multiscales")
    first = pictures[0] if isinstance(pictures, list) and pictures else None
    return first if isinstance(first, dict) else None


def _omero(path: Path) -> list[dict[str, Any]]:
    return list((_attributes(path).get("omero") or {}).get("channels", []))


def _axes(picture: dict[str, Any]) -> str:
    named = [axis if isinstance(axis, str) else axis["name"] for axis in picture["axes"]]
    return "".join(name[:1].upper() for name in named)


def _check_rgb(path: Path, array: Any, axes: str, channels: list[dict[str, Any]]) -> None:
    colours = tuple(str(channel.get("color", "")).upper() for channel in channels)
    shape = dict(zip(axes, array.shape, strict=True))
    flat = all(shape[axis] == 1 for axis in axes if axis not in "YXC")
    is_rgb = shape.get("C") in (3, 4) and (not any(colours) or colours[:3] == _RGB)
    if not {"Y", "X", "C"} <= set(axes) or not is_rgb or not flat or array.dtype != np.uint8:
        told = f", colours {' '.join(colours)}" if any(colours) else ""
        raise SlideUnreadable(
            f"The image is not RGB: axes {axes}, shape {array.shape}, type "
            f"{array.dtype}{told}. An 8-bit RGB image of H&E is needed. Folder: '{path}'."
        )
    if np.prod(array.chunks) > 3 * _LARGEST_CHUNK:
        raise SlideUnreadable(
            f"Chunks of {array.chunks} are too large to read by region. Write the image "
            f"again with chunks of 256 or 512 pixels. Folder: '{path}'."
        )


def _stated(picture: dict[str, Any], axes: str) -> Stated | None:
    """Scale of the first level, times the one of the whole picture."""
    try:
        sizes = np.ones(len(axes))
        for part in (picture["datasets"][0], picture):
            for change in part.get("coordinateTransformations", []):
                sizes = sizes * (change["scale"] if change["type"] == "scale" else 1)
        units = [micrometres(picture["axes"][axes.index(axis)].get("unit")) for axis in "XY"]
        x, y = (float(sizes[axes.index(axis)]) for axis in "XY")
    except (AttributeError, LookupError, TypeError, ValueError):
        return None
    if units[0] is None or units[1] is None:
        return None
    return Stated(x * units[0], y * units[1], "OME-Zarr scale")


def _identity(path: Path, coarsest: Level) -> str:
    """Metadata and the middle of the coarsest stored level."""
    digest = hashlib.blake2b(digest_size=16)
    for name in _METADATA:
        if (path / name).is_file():
            digest.update((path / name).read_bytes())
    height, width = coarsest.shape[:2]
    middle = coarsest[height // 4 :, width // 4 :][:1024, :1024]
    digest.update(np.ascontiguousarray(middle).tobytes())
    return digest.hexdigest()
