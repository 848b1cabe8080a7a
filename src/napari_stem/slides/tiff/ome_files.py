"""OME-TIFF in several files: one with the description, a TIFF or `.companion.ome`, names the rest.

tifffile reads pixels of other files as black where these are missing, or takes a stub for them.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tifffile import TiffFile

from napari_stem.errors import SlideUnreadable
from napari_stem.text import a_few, counted

_COMPANION = ".companion.ome"


class Opened(NamedTuple):
    """An open TIFF, which knows of the other files, and what to tell of them."""

    tiff: TiffFile
    notes: tuple[str, ...] = ()


def is_companion(path: Path) -> bool:
    """Whether a name is that of a description alone."""
    return path.name.lower().endswith(_COMPANION)


def open_files(path: Path) -> Opened:
    """Open a TIFF, or a description of some, with the files that it names.

    Raises
    ------
    SlideUnreadable
        Some are missing, or the description is in another file.
    """
    if is_companion(path):
        return _open_described(path)
    tiff = TiffFile(path)
    try:
        root = _root(tiff.ome_metadata)
        _check_there(path, _others(root, path))
        return Opened(tiff, _told(path, root))
    except BaseException:
        tiff.close()
        raise


def _open_described(path: Path) -> Opened:
    description = path.read_text(encoding="utf-8-sig")
    names = _others(_root(description), path)
    if not names:
        raise SlideUnreadable(
            f"This description of an OME-TIFF names no file. Open the TIFF itself. File: '{path}'."
        )
    _check_there(path, names)
    return Opened(TiffFile(path.parent / names[0], omexml=description))


def _root(description: str | None) -> ET.Element:
    try:
        return ET.fromstring(description or "<none/>")
    except ET.ParseError:  # a slide is worth reading without its metadata
        return ET.Element("none")


def _others(root: ET.Element, path: Path) -> list[str]:
    """The other files that a description names; its own may have been renamed since."""
    named = dict(_named(root))
    own = root.get("UUID") or (next(iter(named)) if len(named) == 1 else None)
    others = {name for uuid, name in named.items() if is_companion(path) or uuid != own}
    return sorted(name for name in others if name.lower() != path.name.lower())


def _named(root: ET.Element) -> Iterator[tuple[str, str]]:
    for one in root.iterfind(".//{*}TiffData/{*}UUID"):
        if name := one.get("FileName"):
            yield one.text or "", name


def _check_there(path: Path, names: list[str]) -> None:
    missing = [name for name in names if not (path.parent / name).is_file()]
    if missing:
        raise SlideUnreadable(
            f"The slide lies in several files, and {counted(len(missing), 'other')} of "
            f"{len(names):,} could not be found: {a_few(missing, most=3)}. Copy all files to one "
            f"folder. File: '{path}'."
        )


def _told(path: Path, root: ET.Element) -> tuple[str, ...]:
    """What to tell of a file whose description is elsewhere."""
    part = root.find("{*}BinaryOnly")
    name = None if part is None else part.get("MetadataFile")
    if not name:
        return ()
    if (path.parent / name).is_file():
        raise SlideUnreadable(
            "This is one of the files of an OME-TIFF in several. Open the one that describes them, "
            f"'{name}'. File: '{path}'."
        )
    lacking = f"'{name}', which describes them with scale and names, is not beside it"
    return (f"This is one of the files of an OME-TIFF in several; {lacking}.",)
