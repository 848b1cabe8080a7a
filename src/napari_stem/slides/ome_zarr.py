"""OME-Zarr pictures as slides (versions 0.1 to 0.5 of the format)."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import zarr

from napari_stem.errors import SlideUnreadable
from napari_stem.slides.factors import Stored, fit_levels
from napari_stem.slides.mpp import Stated, choose_mpp, micrometres
from napari_stem.slides.pyramid import Converted, Level, SlideFile
from napari_stem.slides.zarr_store import SteadyStore, complete_levels
from napari_stem.text import a_few

Folder: TypeAlias = "Path | zipfile.Path"

_METADATA = (".zattrs", "zarr.json")
_LARGEST_CHUNK = 64_000_000  # pixels that are decoded to read one
_FIRST_AXES = tuple("tczyx")  # of versions 0.1 and 0.2, which name none
_MOST_SERIES = 20  # of a collection that does not list its pictures
_RGB = ("FF0000", "00FF00", "0000FF")


def is_ome_zarr(path: Path) -> bool:
    """Whether a folder is an OME-Zarr picture, or a collection of some."""
    return path.is_dir() and bool(_multiscale(path) or _pictures(path) or _is_plate(path))


def open_zarr(path: Path, *, sparse: bool = False) -> SlideFile:
    """Open a picture of OME-Zarr: a folder, or a zip archive of one.

    Of a collection (the folder that bioformats2raw makes) the first picture is taken.

    Parameters
    ----------
    sparse
        Whether chunks that no level tells of are empty on purpose.

    Raises
    ------
    SlideUnreadable
        It is not an 8-bit RGB image, or is incomplete.
    """
    store = SteadyStore.at(path)
    root = path if path.is_dir() else zipfile.Path(path)
    notes: tuple[str, ...] = ()
    within = ""
    if _multiscale(root) is None:
        _refuse_plates(root, path)
        pictures = _pictures(root)
        if not pictures:
            raise SlideUnreadable(
                f"This is not an OME-Zarr image: its metadata lack multiscales. Path: '{path}'."
            )
        within, *others = pictures
        root = root / within
        if others:
            notes = (f"Picture '{within}' was taken; the others are {a_few(others)}.",)
    picture = _multiscale(root)
    assert picture is not None
    axes = _axes(picture)
    group = zarr.open_group(store, path=within, mode="r")
    stored = [group[dataset["path"]] for dataset in picture["datasets"]]
    _check_rgb(path, stored[0], axes, _omero(root))
    stored, lost = complete_levels(stored, axes, store.keys, path, sparse=sparse)
    fitted, doubts = fit_levels([_stored(array, axes) for array in stored])
    levels = tuple(one.level for one in fitted)
    return SlideFile(
        levels,
        choose_mpp([_stated(picture, axes)]),
        _identity(root, levels[-1]),
        handle=store,
        notes=(*notes, *lost, *doubts),
        sparse=sparse,
    )


def _stored(array: Any, axes: str) -> Stored:
    height, width = (array.chunks[axes.index(axis)] for axis in "YX")
    return Stored(Converted(array, axes), (height, width))


def _attributes(root: Folder) -> dict[str, Any]:
    """What a folder says of itself: at the top until version 0.4, below "ome" in 0.5."""
    for name in _METADATA:
        try:
            found = json.loads((root / name).read_text(encoding="utf-8"))
        except (OSError, KeyError, ValueError):
            continue
        for below in ("attributes", "ome"):
            if isinstance(found, dict):
                found = found.get(below, found)
        if isinstance(found, dict):
            return found
    return {}


def _multiscale(root: Folder) -> dict[str, Any] | None:
    pictures = _attributes(root).get("multiscales")
    first = pictures[0] if isinstance(pictures, list) and pictures else None
    return first if isinstance(first, dict) else None


def _pictures(root: Folder) -> list[str]:
    """The pictures of a collection, in its order."""
    if "bioformats2raw.layout" not in _attributes(root):
        return []
    named = _attributes(root / "OME").get("series")
    names = named if isinstance(named, list) else [str(number) for number in range(_MOST_SERIES)]
    return [name for name in map(str, names) if _multiscale(root / name) is not None]


def _is_plate(root: Folder) -> bool:
    return bool({"plate", "well"} & _attributes(root).keys())


def _refuse_plates(root: Folder, path: Path) -> None:
    about = _attributes(root)
    wells, fields = (
        [str(each.get("path", "")) for each in part.get(key, []) if isinstance(each, dict)]
        if isinstance(part, dict)
        else []
        for part, key in ((about.get("plate"), "wells"), (about.get("well"), "images"))
    )
    if wells or fields:
        kind, names = ("plate", [f"{well}/0" for well in wells]) if wells else ("well", fields)
        raise SlideUnreadable(
            f"This is a {kind} with several pictures. Open one of them: {a_few(names)}. "
            f"Folder: '{path}'."
        )


def _omero(root: Folder) -> list[dict[str, Any]]:
    return list((_attributes(root).get("omero") or {}).get("channels", []))


def _axes(picture: dict[str, Any]) -> str:
    axes = picture.get("axes", _FIRST_AXES)
    named = [axis if isinstance(axis, str) else axis["name"] for axis in axes]
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


def _identity(root: Folder, coarsest: Level) -> str:
    """Metadata and the middle of the coarsest stored level."""
    digest = hashlib.blake2b(digest_size=16)
    for name in _METADATA:
        if (root / name).is_file():
            digest.update((root / name).read_bytes())
    height, width = coarsest.shape[:2]
    middle = coarsest[height // 4 :, width // 4 :][:1024, :1024]
    digest.update(np.ascontiguousarray(middle).tobytes())
    return digest.hexdigest()
