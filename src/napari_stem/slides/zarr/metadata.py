"""What the metadata of OME-Zarr (versions 0.1 to 0.5) say: pictures, axes, scales, names."""

from __future__ import annotations

import xml.etree.ElementTree as ET
import zipfile
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from napari_stem.errors import SlideUnreadable
from napari_stem.slides.mpp import Scale, Stated, choose_mpp, micrometres
from napari_stem.text import a_few
from napari_stem.validation import parse_json

Folder: TypeAlias = "Path | zipfile.Path"
Multiscale: TypeAlias = dict[str, Any]

FILES = (".zattrs", "zarr.json")
_COLLECTION = "bioformats2raw.layout"
_OME, _XML = "OME", "METADATA.ome.xml"  # of a collection
_FIRST_AXES = tuple("tczyx")  # of versions 0.1 and 0.2, which name none
_MOST_SERIES = 20  # of a collection that does not list its pictures


class Described(NamedTuple):
    """A picture in a folder: its name, the folder within the root, and what is said of it."""

    name: str
    within: str
    about: Multiscale


def multiscales(root: Folder) -> list[Multiscale]:
    """What a folder says of the pictures that it holds itself."""
    pictures = _attributes(root).get("multiscales")
    found = pictures if isinstance(pictures, list) else []
    return [about for about in found if isinstance(about, dict)]


def pictures_of(root: Folder) -> list[Described]:
    """The pictures of a folder, or of a collection in its order."""
    if alone := multiscales(root):
        return _named("", "", alone)
    if _COLLECTION not in _attributes(root):
        return []
    listed = _attributes(root / _OME).get("series")
    folders = listed if isinstance(listed, list) else range(_MOST_SERIES)
    names = dict(enumerate(_names(root / _OME / _XML)))
    return [
        picture
        for number, folder in enumerate(map(str, folders))
        for picture in _named(names.get(number) or folder, folder, multiscales(root / folder))
    ]


def _named(name: str, within: str, found: list[Multiscale]) -> list[Described]:
    """Pictures of one folder: under its name, or of several each under its own."""
    if len(found) == 1:
        return [Described(name, within, found[0])]
    names = [str(about.get("name") or number) for number, about in enumerate(found)]
    return [
        Described(f"{name} {own}".strip(), within, about)
        for own, about in zip(names, found, strict=True)
    ]


def is_plate(root: Folder) -> bool:
    """Whether a folder is a plate, or a well of one."""
    return bool({"plate", "well"} & _attributes(root).keys())


def refuse_plates(root: Folder, path: Path) -> None:
    """Raise if a folder is a plate or a well, and name the pictures in it."""
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


def channels_of(root: Folder) -> list[dict[str, Any]]:
    """What a folder says of the channels of its picture."""
    return list((_attributes(root).get("omero") or {}).get("channels", []))


def axes_of(picture: Multiscale) -> str:
    """A letter an axis: T, C, Z, Y, X."""
    axes = picture.get("axes", _FIRST_AXES)
    named = [axis if isinstance(axis, str) else axis["name"] for axis in axes]
    return "".join(name[:1].upper() for name in named)


def scale_of(picture: Multiscale) -> Scale:
    """Scale of the first level, times the one of the whole picture."""
    return choose_mpp([_stated(picture, axes_of(picture))])


def _stated(picture: Multiscale, axes: str) -> Stated | None:
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


def _attributes(root: Folder) -> dict[str, Any]:
    """What a folder says of itself: at the top until version 0.4, below "ome" in 0.5."""
    for name in FILES:
        try:
            found = parse_json((root / name).read_text(encoding="utf-8"))
        except (OSError, KeyError, ValueError):
            continue
        for below in ("attributes", "ome"):
            if isinstance(found, dict):
                found = found.get(below, found)
        if isinstance(found, dict):
            return found
    return {}


def _names(xml: Folder) -> list[str]:
    """Names of the images of OME metadata; none if there are no such metadata."""
    try:
        images = ET.fromstring(xml.read_text(encoding="utf-8")).iterfind("{*}Image")
    except (OSError, KeyError, ValueError, ET.ParseError):
        return []
    return [image.get("Name", "") for image in images]
