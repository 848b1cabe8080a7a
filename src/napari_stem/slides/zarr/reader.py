"""OME-Zarr pictures as slides (versions 0.1 to 0.5 of the format)."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from napari_stem.errors import SlideUnreadable
from napari_stem.slides.colour import Colours, brightest_of, used_bits
from napari_stem.slides.converted import Converted
from napari_stem.slides.factors import Stored, fit_levels
from napari_stem.slides.focus import sharpest
from napari_stem.slides.pictures import Picture, choose_picture, find_picture
from napari_stem.slides.pyramid import Level, SlideFile
from napari_stem.slides.zarr.metadata import (
    FILES,
    Described,
    Folder,
    axes_of,
    channels_of,
    is_plate,
    pictures_of,
    refuse_plates,
    scale_of,
)
from napari_stem.slides.zarr.store import SteadyStore, complete_levels
from napari_stem.storage import content_of

_LARGEST_CHUNK = 64_000_000  # pixels that are decoded to read one
_SMALLEST_CHUNK = 256  # pixels of a plane
_DEPTHS = (np.dtype(np.uint8), np.dtype(np.uint16))
_LOOKED_AT = 8  # rows and columns of pieces of level 0 that tell how bright samples are
_PIECE = 64  # pixels of a side
_CHUNKS = 16  # of level 0 that identify a slide
_RGB = ("FF0000", "00FF00", "0000FF")


def is_ome_zarr(path: Path) -> bool:
    """Whether a folder is an OME-Zarr picture, or a collection of some."""
    return path.is_dir() and bool(pictures_of(path) or is_plate(path))


def open_zarr(path: Path, *, sparse: bool = False, picture: str | int = "") -> SlideFile:
    """Open a picture of OME-Zarr: a folder, or a zip archive of one.

    Parameters
    ----------
    sparse
        Whether chunks that no level tells of are empty on purpose.
    picture
        Of a collection (the folder that bioformats2raw makes), or a folder with several
        `multiscales`: name of a picture, or its number from 0; "" takes the one that is the slide.

    Raises
    ------
    SlideUnreadable
        It is not an RGB image with 8 or 16 bits, or is incomplete.
    OptionError
        There is no such picture.
    """
    store = SteadyStore.at(path)
    root = path if path.is_dir() else zipfile.Path(path)
    pictures = pictures_of(root)
    if not pictures:
        refuse_plates(root, path)
        raise SlideUnreadable(
            f"This is not an OME-Zarr image: its metadata lack multiscales. Path: '{path}'."
        )
    found = _stored_pictures(store, root, pictures)
    if len(found) == 1 and not pictures[0].within:
        if picture != "":
            find_picture((), picture)
        found[0].check(path)
        return _open(found[0], path, sparse=sparse)
    chosen = choose_picture([one.told() for one in found], picture)
    taken = found[chosen.number]
    with chosen.naming_others():
        taken.check(path)
    file = _open(taken, path, sparse=sparse)
    notes = chosen.notes + file.notes
    return replace(file, notes=notes, pictures=chosen.names, picture=chosen.number)


def _stored_pictures(
    store: SteadyStore, root: Folder, pictures: Sequence[Described]
) -> list[_Picture]:
    """Those of the pictures whose arrays are there; at least one."""
    found, lost = list[_Picture](), list[LookupError]()
    for each in pictures:
        try:
            found.append(_Picture(store, root, each))
        except LookupError as error:
            lost.append(error)
    if not found:
        raise lost[0]
    return found


class _Picture:
    """One picture: its metadata, and its arrays, the finest first."""

    def __init__(self, store: SteadyStore, root: Folder, described: Described) -> None:
        self.name, within, about = described
        group: Any = zarr.open_group(store, path=within, mode="r")
        self.store = store
        self.root = root / within if within else root
        self.axes = axes_of(about)
        levels = [(group[level["path"]], level) for level in about["datasets"]]
        levels.sort(key=lambda level: -int(np.prod(level[0].shape)))
        self.arrays = [array for array, _ in levels]
        self.scale = scale_of({**about, "datasets": [level for _, level in levels]})

    def check(self, path: Path) -> None:
        """Raise if it is not an RGB image that can be read by region."""
        _check_rgb(path, self.arrays[0], self.axes, channels_of(self.root))

    def told(self) -> Picture:
        """What there is to tell of it."""
        first = self.arrays[0]
        height, width = (first.shape[self.axes.index(axis)] for axis in "YX")
        tall, wide = (first.chunks[self.axes.index(axis)] for axis in "YX")
        return Picture(
            self.name,
            width,
            height,
            self.scale.mpp,
            has_levels=len(self.arrays) > 1,
            is_tiled=tall < height or wide < width,
        )

    def size_of(self, axis: str) -> int:
        """The number of planes along an axis."""
        return int(self.arrays[0].shape[self.axes.index(axis)]) if axis in self.axes else 1


def _open(picture: _Picture, path: Path, *, sparse: bool) -> SlideFile:
    axes = picture.axes
    stored, lost = complete_levels(picture.arrays, axes, picture.store.keys, path, sparse=sparse)
    colours = _colours(picture)
    plane, notes = _plane(picture, colours)
    fitted, doubts = fit_levels([_stored(array, axes, colours, plane) for array in stored])
    levels = tuple(one.level for one in fitted)
    return SlideFile(
        levels,
        picture.scale,
        _identity(picture, path, levels[-1]),
        handle=picture.store,
        notes=tuple(filter(None, (colours.note, *notes, *lost, *doubts))),
        sparse=sparse,
    )


def _stored(array: Any, axes: str, colours: Colours, plane: Mapping[str, int]) -> Stored:
    height, width = (array.chunks[axes.index(axis)] for axis in "YX")
    return Stored(Converted(array, axes, colours, plane), (height, width))


def _colours(picture: _Picture) -> Colours:
    """Three colours, and opacity as a fourth; of 16 bits those that samples use."""
    array, axes = picture.arrays[0], picture.axes
    alpha = 3 if picture.size_of("C") == 4 else None
    if array.dtype.itemsize == 1:
        return Colours(alpha=alpha)
    starts = ({*np.linspace(0, picture.size_of(a) - 1, _LOOKED_AT, dtype=int)} for a in "YX")
    brightest = 0
    for y, x in product(*starts):
        parts = {"Y": slice(y, y + _PIECE), "X": slice(x, x + _PIECE), "C": slice(3)}
        piece = array[tuple(parts.get(axis, slice(None)) for axis in axes)]
        brightest = max(brightest, brightest_of(piece))
    bits, note = used_bits(brightest)
    return Colours(alpha=alpha, bits=bits, note=note)


def _plane(picture: _Picture, colours: Colours) -> tuple[dict[str, int], list[str]]:
    """The plane to show by axis, and what to tell of that."""
    plane, notes = dict[str, int](), list[str]()
    for axis in picture.axes:
        count = picture.size_of(axis)
        if axis in "YXC" or count == 1:
            continue
        if axis == "Z":
            array, axes = picture.arrays[0], picture.axes
            plane["Z"] = sharpest([Converted(array, axes, colours, {"Z": z}) for z in range(count)])
            told = f"Of {count} focal planes the one that is the sharpest is shown"
            notes.append(f"{told}, number {plane['Z'] + 1}.")
        else:
            notes.append(f"The file has {count} pictures of this size; the first is shown.")
    return plane, notes


def _check_rgb(path: Path, array: Any, axes: str, channels: list[dict[str, Any]]) -> None:
    colours = tuple(str(channel.get("color", "")).upper() for channel in channels)
    shape = dict(zip(axes, array.shape, strict=True))
    is_deep = array.dtype.itemsize > 1  # as fluorescence mostly is
    is_said = colours[:3] == _RGB or (not any(colours) and not is_deep)
    is_rgb = shape.get("C") in (3, 4) and array.dtype.newbyteorder("=") in _DEPTHS and is_said
    if not {"Y", "X", "C"} <= set(axes) or not is_rgb:
        unsaid = ", colours of channels not stated" if is_deep else ""
        told = f", colours {' '.join(colours)}" if any(colours) else unsaid
        raise SlideUnreadable(
            f"The image is not RGB: axes {axes}, shape {array.shape}, type "
            f"{array.dtype}{told}. An RGB image of H&E with 8 or 16 bits is needed. "
            f"Folder: '{path}'."
        )
    pixels = array.chunks[axes.index("Y")] * array.chunks[axes.index("X")]
    if pixels < min(_SMALLEST_CHUNK, shape["Y"] * shape["X"]):
        raise SlideUnreadable(
            f"Chunks of {array.chunks} are too small: a patch would be read from thousands of "
            "files. Write the image again with chunks of 256 or 512 pixels. Folder: "
            f"'{path}'."
        )
    if np.prod(array.chunks) > 3 * _LARGEST_CHUNK:
        raise SlideUnreadable(
            f"Chunks of {array.chunks} are too large to read by region. Write the image "
            f"again with chunks of 256 or 512 pixels. Folder: '{path}'."
        )


def _identity(picture: _Picture, path: Path, coarsest: Level) -> str:
    """Metadata, names and some of the chunks of level 0, and the middle of the coarsest level.

    Chunks of an archive are part of the identity of its file.
    """
    digest = hashlib.blake2b(digest_size=16)
    for name in FILES:
        if (picture.root / name).is_file():
            digest.update((picture.root / name).read_bytes())
    height, width = coarsest.shape[:2]
    middle = coarsest[height // 4 :, width // 4 :][:1024, :1024]
    digest.update(np.ascontiguousarray(middle).tobytes())
    if path.is_dir():
        chunks = picture.store.below(picture.arrays[0].path)
        digest.update(repr(chunks).encode())
        for number in np.linspace(0, len(chunks) - 1, min(_CHUNKS, len(chunks)), dtype=int):
            digest.update(content_of(path / chunks[number]).encode())
    return digest.hexdigest()
